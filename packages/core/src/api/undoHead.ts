import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { type GitPlace, type JournalStep, note } from "../repo/journal.ts";
import { loadIndex } from "../repo/index.ts";
import { withoutRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { checkOutGit } from "../snapshots/checkOutGit.ts";
import { snapshotGit } from "../snapshots/find.ts";
import { dataPlaces } from "../snapshots/protect.ts";

const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** Where Git's HEAD is; undefined before the first commit, and without Git. */
export function headPlace(repo: Repo): GitPlace | undefined {
  const commit = repo.git?.head();
  return commit === undefined ? undefined : { branch: repo.git?.currentBranch() ?? null, commit };
}

/** Whether two places are the same. */
export function isSamePlace(a: GitPlace | undefined, b: GitPlace): boolean {
  return a?.branch === b.branch && a.commit === b.commit;
}

/** Has Git check out what it had before. @throws {ScmError} when Git refuses; {DvcError} for a branch that has moved */
export async function moveHead(
  repo: Repo,
  { path, before }: Extract<JournalStep, { kind: "head" }>,
  options: CallOptions,
): Promise<void> {
  const now = headPlace(repo);
  if (now === undefined || isSamePlace(now, before)) return;
  const git = snapshotGit(repo);
  const { branch, commit } = before;
  if (!COMMIT.test(commit)) throw new DvcError(`'${commit}' is no commit`);
  if (branch !== null && git.branches().get(branch) !== commit)
    throw new DvcError(`branch '${branch}' is no longer at ${commit.slice(0, 7)}`, {
      code: "unsaved-files",
      hint: `Check it out yourself: git checkout ${branch}`,
    });
  note(repo, { kind: "head", path, before: now, after: before });
  const words = branch === null ? ["--detach", commit] : [branch];
  const data = dataPlaces(loadIndex(repo).outs);
  // Hooks of Git may call us again.
  await withoutRepoLock(repo, options, () => checkOutGit(repo, commit, words, data, options));
}
