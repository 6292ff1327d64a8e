import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DvcError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import { posixRelative, type RelPath } from "../base/paths.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import { readJournal } from "../repo/journal.ts";
import { Keeper } from "../repo/keep.ts";
import type { Repo } from "../repo/repo.ts";
import type { GitTree } from "../scm/gitTree.ts";
import { snapshotGit } from "./find.ts";

/** Whether a run that was to check out `commit` was stopped before Git had done it: HEAD is where it was then. */
export function isCheckoutUnderWay(repo: Repo, commit: string): boolean {
  for (const { steps, isUndone, isWhole } of readJournal(repo)) {
    const head = steps.findLast(({ kind }) => kind === "head");
    if (head?.kind !== "head") continue;
    return !isUndone && !isWhole && head.after.commit === commit && head.before.commit === snapshotGit(repo).head();
  }
  return false;
}

/** Whether a file is the beginning of what a commit holds, as a Git leaves it that is killed while it writes: all bytes of it are there, too. */
export function isBegun(repo: Repo, target: GitTree, path: RelPath): boolean {
  const place = join(target.root, path);
  const entry = target.entry(path);
  const stat = lstatSync(place, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || entry?.mode.startsWith("100") !== true) return false;
  if (stat.size === 0) return true;
  const bytes = readFileSync(place);
  const isBeginningOf = (whole: Buffer): boolean => whole.subarray(0, bytes.length).equals(bytes);
  if (isBeginningOf(target.readBytes(place) ?? Buffer.of())) return true;
  // Line ends and filters.
  const shown = ["cat-file", "--filters", `--path=${path}`, entry.sha];
  return isBeginningOf(snapshotGit(repo).run(shown, { allow: [0, 128] }).stdout);
}

/** The outputs of the workspace's pointers; of those of HEAD's commit, where a Git that was to check out `commit` has left one of them cut off. */
export function presentOuts(repo: Repo, commit: string): Index["outs"] {
  try {
    return loadIndex(repo).outs;
  } catch (error) {
    const head = repo.git?.head();
    if (!(error instanceof DvcError) || head === undefined || !isCheckoutUnderWay(repo, commit)) throw error;
    return loadIndex(repo, { rev: head }).outs;
  }
}

/** Moves such files into the trash, those that hold anything: somebody may have cut one off since. An undo does not bring them back. */
export function putBegunAside(repo: Repo, begun: readonly RelPath[], options: CallOptions): void {
  const { root } = snapshotGit(repo);
  const keeper = new Keeper(repo, "snapshot restore");
  try {
    for (const path of begun) {
      if (lstatSync(join(root, path), { throwIfNoEntry: false })?.size === 0) continue;
      const at = keeper.keep(join(root, path), { isNoted: false });
      if (at === undefined) continue;
      const kept = posixRelative(repo.root, at);
      warn(options, `'${path}' was written in part by a run that was stopped; that part is kept as '${kept}'.`);
    }
  } finally {
    keeper.finish();
  }
}
