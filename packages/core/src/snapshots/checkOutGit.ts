import { rmSync } from "node:fs";
import { join } from "node:path";
import { DvcError, ScmError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { journalVariable } from "../repo/journal.ts";
import type { Repo } from "../repo/repo.ts";
import type { Git } from "../scm/git.ts";
import { presentOuts, putBegunAside } from "./begunFiles.ts";
import { snapshotGit } from "./find.ts";
import { dataPlaces, unsavedCode, type UnsavedCode } from "./protect.ts";

/**
 * Has Git check out `commit`; all that the workspace holds of code is known to be in a commit.
 * @param words of `git checkout`
 * @param data places of outputs: they are left alone
 * @throws {ScmError} when Git can't: code is as before, or the hint says that it is not
 */
export async function checkOutGit(
  repo: Repo,
  commit: string,
  words: readonly string[],
  data: readonly OsPath[],
  options: CallOptions,
): Promise<void> {
  const git = snapshotGit(repo);
  const { signal } = options;
  const call = { env: journalVariable(repo), ...(signal === undefined ? {} : { signal }) };
  const look = (): UnsavedCode => unsavedCode(repo, git.tree(commit), data);
  const before = look();
  try {
    await git.runBeside(["checkout", "--quiet", ...words, "--"], call);
  } catch (error) {
    if (!(error instanceof ScmError)) throw error;
    // A hook that fails after the checkout makes Git's exit code, not the checkout's outcome.
    if (git.head() !== commit)
      throw new ScmError(error.message, { hint: [rollBack(git, before, look), error.hint].join(" ").trim() });
    warn(options, error.message);
  }
}

/** Takes back what a checkout of `commit` that was stopped has written; HEAD is where it was. What is nobody's but the user's stays. */
export function takeBackPart(repo: Repo, commit: string, options: CallOptions): void {
  const git = snapshotGit(repo);
  const { changed, unsaved, begun } = unsavedCode(repo, git.tree(commit), dataPlaces(presentOuts(repo, commit)));
  putBegunAside(repo, begun, options);
  const known = new Set(git.index());
  const others = new Set(unsaved);
  const ours = changed.filter((path) => !others.has(path));
  const tracked = ours.filter((path) => known.has(path));
  if (tracked.length > 0) {
    const input = tracked.map((path) => `${path}\0`).join("");
    git.run(["--literal-pathspecs", "checkout", "HEAD", "--pathspec-from-file=-", "--pathspec-file-nul"], { input });
  }
  for (const path of ours) if (!known.has(path)) rmSync(join(git.root, path), { force: true });
}

/** A disk that is full or a damaged object stops Git half-way. @returns what to tell */
function rollBack(git: Git, before: UnsavedCode, look: () => UnsavedCode): string {
  const halfWay = "Git stopped half-way: see 'git status'.";
  try {
    const { changed } = look();
    if (changed.join("\0") === before.changed.join("\0")) return "Neither code nor data was changed.";
    if (before.unsaved.length > 0) return halfWay;
    git.run(["checkout", "--quiet", "--force", "HEAD", "--"], {});
    const left = look();
    // What Git had brought; nobody else has made it.
    const stays = new Set([...before.changed, ...left.unsaved]);
    for (const path of left.changed) if (!stays.has(path)) rmSync(join(git.root, path), { force: true });
    return "Neither code nor data was changed.";
  } catch (problem) {
    if (problem instanceof DvcError) return `${halfWay} Nothing is lost; go back with: git checkout --force HEAD`;
    throw problem;
  }
}
