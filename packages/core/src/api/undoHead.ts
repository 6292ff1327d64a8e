import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { type GitPlace, type JournalStep, note } from "../repo/journal.ts";
import { withoutRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { isCheckoutUnderWay, presentOuts, putBegunAside } from "../snapshots/begunFiles.ts";
import { checkOutGit, takeBackPart } from "../snapshots/checkOutGit.ts";
import { snapshotGit } from "../snapshots/find.ts";
import { dataPlaces, unsavedCode } from "../snapshots/protect.ts";

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

/**
 * Has Git check out what it had before.
 * @param isBegun the command was stopped, and this step not taken back yet: Git may have written a part of it
 * @throws {ScmError} when Git refuses; {DvcError} for a branch that has moved
 */
export async function moveHead(
  repo: Repo,
  { path, before, after }: Extract<JournalStep, { kind: "head" }>,
  isBegun: boolean,
  options: CallOptions,
): Promise<void> {
  const now = headPlace(repo);
  if (now === undefined) return;
  if (isSamePlace(now, before)) {
    if (isBegun && COMMIT.test(after.commit)) takeBackPart(repo, after.commit, options);
    return;
  }
  const git = snapshotGit(repo);
  const { branch, commit } = before;
  if (!COMMIT.test(commit)) throw new DvcError(`'${commit}' is no commit`);
  if (branch !== null && git.branches().get(branch) !== commit)
    throw new DvcError(`branch '${branch}' is no longer at ${commit.slice(0, 7)}`, {
      code: "unsaved-files",
      hint: `Check it out yourself: git checkout ${branch}`,
    });
  const data = dataPlaces(presentOuts(repo, commit));
  const { changed, unsaved, begun } = unsavedCode(repo, git.tree(commit), data);
  // An undo that was stopped got so far.
  const isOurs = changed.length > 0 && unsaved.length === 0 && isCheckoutUnderWay(repo, commit);
  if (isOurs) putBegunAside(repo, begun, options);
  note(repo, { kind: "head", path, before: now, after: before });
  const words = [...(isOurs ? ["--force"] : []), ...(branch === null ? ["--detach", commit] : [branch])];
  // Hooks of Git may call us again.
  await withoutRepoLock(repo, options, () => checkOutGit(repo, commit, words, data, options));
}
