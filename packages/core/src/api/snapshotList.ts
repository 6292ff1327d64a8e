import { DvcError, NotDvcRepoError } from "../base/errors.ts";
import { TransferProgress } from "../odb/transferProgress.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import { looking } from "../repo/looking.ts";
import type { Repo } from "../repo/repo.ts";
import { snapshotLog } from "../scm/snapshotLog.ts";
import {
  describeSnapshots,
  type DescribeOptions,
  draftSnapshot,
  pointerPatterns,
  type SnapshotDraft,
  type SnapshotFacts,
  unreadFacts,
} from "../snapshots/describe.ts";
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
    const chosen: (SnapshotDraft | SnapshotFacts)[] = [];
    const progress = new TransferProgress(options.reporter, "Reading snapshots", logged.length);
    try {
      for (const one of logged) {
        options.signal?.throwIfAborted();
        if (options.number !== undefined && options.number > 0 && chosen.length >= options.number) break;
        const index = indexOf(repo, one.commit);
        if (index instanceof DvcError) chosen.push(unreadFacts(one, index.message));
        else if (index !== undefined) chosen.push(await draftSnapshot(repo, one, index, options));
        progress.add(1, 0);
      }
    } finally {
      progress.end();
    }
    const drafts = chosen.filter((one) => "needs" in one);
    const described = (await describeSnapshots(repo, drafts, options)).values();
    return chosen.map((one) => ("needs" in one ? (described.next().value as SnapshotFacts) : one));
  });
}

/** Undefined for a commit without the project, or that tracks nothing. */
function indexOf(repo: Repo, rev: string): Index | DvcError | undefined {
  try {
    const index = loadIndex(repo, { rev });
    return index.outs.length + index.projects.length > 0 ? index : undefined;
  } catch (error) {
    if (error instanceof NotDvcRepoError) return undefined;
    if (error instanceof DvcError) return error;
    throw error;
  }
}
