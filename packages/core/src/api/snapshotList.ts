import { NotDvcRepoError } from "../base/errors.ts";
import { TransferProgress } from "../odb/transferProgress.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import { looking } from "../repo/looking.ts";
import type { Repo } from "../repo/repo.ts";
import { type LoggedCommit, snapshotLog } from "../scm/snapshotLog.ts";
import { describeSnapshots, type DescribeOptions, pointerPatterns, type SnapshotFacts } from "../snapshots/describe.ts";
import { snapshotGit } from "../snapshots/find.ts";

export { flatMetrics, type SnapshotFacts } from "../snapshots/describe.ts";

export interface SnapshotListOptions extends DescribeOptions {
  /** At most so many, the newest. */
  readonly number?: number;
  /** Of every branch, also those of Git's remotes; by default of the history of HEAD. Tags are always listed. */
  readonly all?: boolean;
}

/**
 * Lists tags and the commits that changed tracked data, newest first.
 * @throws {ScmError} without Git.
 * @example const [newest] = await snapshotList(repo, { number: 1 })
 */
export function snapshotList(repo: Repo, options: SnapshotListOptions = {}): Promise<readonly SnapshotFacts[]> {
  return looking(repo, async () => {
    const git = snapshotGit(repo);
    const logged = snapshotLog(git, pointerPatterns(repo), { all: options.all === true });
    const chosen: { logged: LoggedCommit; index: Index }[] = [];
    const progress = new TransferProgress(options.reporter, "Reading snapshots", logged.length);
    try {
      for (const one of logged) {
        options.signal?.throwIfAborted();
        if (options.number !== undefined && options.number > 0 && chosen.length >= options.number) break;
        const index = indexOf(repo, one.commit);
        if (index !== undefined && index.outs.length + index.projects.length > 0) chosen.push({ logged: one, index });
        progress.add(1, 0);
      }
    } finally {
      progress.end();
    }
    return describeSnapshots(repo, chosen, options);
  });
}

/** Undefined for a commit without the project. */
function indexOf(repo: Repo, rev: string): Index | undefined {
  try {
    return loadIndex(repo, { rev });
  } catch (error) {
    if (error instanceof NotDvcRepoError) return undefined;
    throw error;
  }
}
