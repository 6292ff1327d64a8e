import { DvcError, ScmError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import { type GitPlace, type JournalStep, journalVariable, note } from "../repo/journal.ts";
import { withoutRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { snapshotGit } from "../snapshots/find.ts";

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
  const words = ["checkout", "--quiet", ...(branch === null ? ["--detach", commit] : [branch]), "--"];
  const call = {
    env: journalVariable(repo),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  try {
    // Hooks of Git may call us again.
    await withoutRepoLock(repo, options, () => git.runBeside(words, call));
  } catch (error) {
    if (!(error instanceof ScmError)) throw error;
    if (git.head() !== commit) throw new ScmError(error.message, { hint: "Neither code nor data was changed." });
    warn(options, error.message); // a hook that failed after the checkout
  }
}
