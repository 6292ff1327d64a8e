import { lstatSync, mkdirSync, renameSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { isInside, isStrictlyInside, type OsPath, posixRelative } from "../base/paths.ts";
import { applyPlan, planCheckout } from "../data/checkout.ts";
import { guardPath } from "../data/planGuard.ts";
import { unprotectPath } from "../data/unprotect.ts";
import { readPlainText, writeFileAtomic } from "../fs/atomic.ts";
import { TRASH_FOLDER } from "../odb/objectDb.ts";
import { restoreObjects } from "../odb/trash.ts";
import { Tree } from "../odb/tree.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import type { JournalEntry, JournalStep } from "../repo/journal.ts";
import type { Keeper } from "../repo/keep.ts";
import { look } from "../repo/noteData.ts";
import { pointersOf } from "../repo/pointers.ts";
import type { Repo } from "../repo/repo.ts";
import { objectBins, trashHint } from "../repo/trash.ts";

type Step<K extends JournalStep["kind"]> = Extract<JournalStep, { kind: K }>;

/** Whether, and how, to go on over what was changed since. */
interface TakeBackOptions extends CallOptions {
  readonly force?: boolean;
}

/**
 * Takes the steps of an entry back, last first: objects, then what lies in the trash, then data by its hash, then texts. Each
 * is done when it is found done, so that a second call goes on where a kill stopped the first.
 */
export async function takeBack(
  repo: Repo,
  entry: JournalEntry,
  keeper: Keeper,
  options: TakeBackOptions,
): Promise<void> {
  const back = [...entry.steps].reverse();
  const of = <K extends JournalStep["kind"]>(kind: K): Step<K>[] =>
    back.filter((step): step is Step<K> => step.kind === kind);
  for (const step of back) checkPlace(repo, step);
  for (const step of of("bin")) bringBack(repo, step, options);
  for (const step of of("kept")) restoreKept(step, keeper);
  for (const step of of("data")) await restoreData(repo, step, keeper, options);
  for (const step of of("moved")) moveBack(step, keeper);
  for (const step of of("text")) restoreText(repo, step, keeper, options);
}

/** The journal is a file in `.dvc`: what it names must lie where a command could have put it. */
function checkPlace(repo: Repo, step: JournalStep): void {
  if (step.kind === "bin") return;
  const top = repo.git !== undefined && step.kind === "text" ? repo.git.root : repo.root;
  guardPath(isInside(top, repo.root) ? top : repo.root, step.path);
  if (step.kind === "moved") guardPath(repo.root, step.to);
  if (step.kind !== "kept") return;
  const trash = join(repo.tmpDir, TRASH_FOLDER);
  // A link in the place of the trash is no trash.
  const isInTrash = isInside(trash, step.at) && lstatSync(trash, { throwIfNoEntry: false })?.isSymbolicLink() !== true;
  guardPath(isInTrash ? trash : repo.root, step.at);
}

function bringBack(repo: Repo, { path }: Step<"bin">, options: TakeBackOptions): void {
  const bin = objectBins(repo).find((one) => one.path === path);
  if (bin !== undefined) restoreObjects(bin, [repo.cache, repo.legacyCache]);
  else if (options.force !== true)
    throw new DvcError("the objects are no longer in the trash: they were brought back already, or deleted for good", {
      code: "not-found",
      hint: "With '--force' this one is passed over.",
    });
}

/** Puts back what lies in the trash; what is at its place now goes there instead. */
function restoreKept({ path, at }: Step<"kept">, keeper: Keeper): void {
  if (!isThere(at)) return;
  if (isThere(path)) keeper.keep(path);
  mkdirSync(dirname(path), { recursive: true });
  renameSync(at, path);
}

async function restoreData(repo: Repo, step: Step<"data">, keeper: Keeper, options: TakeBackOptions): Promise<void> {
  const { path, before, manifest } = step;
  if (before === null) {
    if (isThere(path)) await removeRestored(repo, step, keeper, options);
    repo.state.links.delete(posixRelative(repo.root, path));
    return;
  }
  const cache = cacheFor(repo, before);
  const tree = manifest === undefined ? undefined : Tree.parse(Buffer.from(manifest), `journal of '${path}'`);
  const { force, ...call } = options;
  const plan = planCheckout([{ path, hash: before, meta: {}, ...(tree === undefined ? {} : { tree }), key: path }], {
    ...call,
    root: repo.root,
    cache,
    state: repo.state,
    ignore: repo.ignore,
    ...(force === true ? { force } : {}),
  });
  if (plan.unsaved.length > 0)
    throw new DvcError(`these files are in no cache:\n${plan.unsaved.join("\n")}`, {
      code: "unsaved-files",
      hint: "With '--force' they go into the trash (.dvc/tmp/trash).",
    });
  await applyPlan(plan, { ...call, keep: (one) => keeper.keep(one) });
  const oids = plan.missing.flatMap((one) => one.oids);
  if (oids.length > 0) {
    const hint = trashHint(repo, oids) ?? `Get them with '${repo.env.programName} fetch', then undo again.`;
    throw new DvcError(`'${path}' can't be restored: the cache lacks ${String(oids.length)} of its objects`, {
      code: "missing-object",
      hint,
    });
  }
}

/** What the command had put there goes: for good when the cache has it, else into the trash. */
async function removeRestored(
  repo: Repo,
  { path, after }: Step<"data">,
  keeper: Keeper,
  options: TakeBackOptions,
): Promise<void> {
  const name = after?.name === "md5-dos2unix" ? "md5-dos2unix" : "md5";
  const now = await look(repo, path, name, options);
  keeper.drop(path, now);
}

function moveBack({ path, to }: Step<"moved">, keeper: Keeper): void {
  if (!isThere(to)) return;
  if (isThere(path)) keeper.keep(path);
  mkdirSync(dirname(path), { recursive: true });
  renameSync(to, path);
}

function restoreText(repo: Repo, step: Step<"text">, keeper: Keeper, options: TakeBackOptions): void {
  const { path, before, after } = step;
  const now = readPlainText(path) ?? null;
  if (now === before) return;
  if (options.force === true && now !== null && now !== after) keeper.keep(path);
  if (before !== null) {
    writeFileAtomic(path, before, { inside: repo.git?.root ?? repo.root, parents: true });
    return;
  }
  if (isThere(path)) unlinkSync(path);
  if (after !== null) unprotectUntracked(path, after);
}

/** Data that is tracked no longer is no link into a cache either, as after `remove`. */
function unprotectUntracked(file: OsPath, text: string): void {
  if (!basename(file).endsWith(".dvc")) return;
  for (const { path } of pointersOf(file, text)) {
    const data = join(dirname(file), path);
    if (isStrictlyInside(dirname(file), data) && isThere(data)) unprotectPath(data);
  }
}

function isThere(path: OsPath): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
