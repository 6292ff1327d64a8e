import { looking } from "../repo/looking.ts";
import type { Repo } from "../repo/repo.ts";
import { commitFacts } from "../scm/snapshotLog.ts";
import { describeSnapshots, type DescribeOptions, draftSnapshot, type SnapshotFacts } from "../snapshots/describe.ts";
import { findSnapshot, snapshotGit } from "../snapshots/find.ts";

/** One snapshot; `code` counts the files that Git itself keeps. */
export interface SnapshotShowResult extends SnapshotFacts {
  readonly name: string;
  readonly code: number;
}

/**
 * Describes one snapshot.
 * @throws {ScmError} for an unknown revision, {NotDvcRepoError} when the project is not in it.
 */
export function snapshotShow(repo: Repo, name: string, options: DescribeOptions = {}): Promise<SnapshotShowResult> {
  return looking(repo, async () => {
    const { commit, index } = findSnapshot(repo, name);
    const git = snapshotGit(repo);
    const draft = await draftSnapshot(repo, commitFacts(git, commit), index, options);
    const [facts] = await describeSnapshots(repo, [draft], options);
    return { name, ...(facts as SnapshotFacts), code: [...git.tree(commit).files()].length };
  });
}
