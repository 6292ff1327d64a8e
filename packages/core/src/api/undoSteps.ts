import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { isInside, type OsPath, posixRelative } from "../base/paths.ts";
import { type Plan, planCheckout } from "../data/checkout.ts";
import { unprotectPath } from "../data/unprotect.ts";
import { readPlainText, writeFileAtomic } from "../fs/atomic.ts";
import { removeHeldFile } from "../fs/heldFolders.ts";
import { moveTree } from "../repo/moveTree.ts";
import type { HashInfo } from "../hash/hashInfo.ts";
import { md5Bytes } from "../hash/md5.ts";
import { TRASH_FOLDER } from "../odb/objectDb.ts";
import { dropIfEmpty, restoreObjects } from "../odb/trash.ts";
import { Tree } from "../odb/tree.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { type JournalEntry, type JournalStep, note, topOf } from "../repo/journal.ts";
import type { Keeper } from "../repo/keep.ts";
import { applyNoted, hashNameOf, look } from "../repo/noteData.ts";
import type { Repo } from "../repo/repo.ts";
import { objectBins, trashHint } from "../repo/trash.ts";
import { isKnownText, isPresent } from "./undoCheck.ts";
import { moveHead } from "./undoHead.ts";
import { releaseUnnamed } from "./undoLinks.ts";
import { makeFolders } from "../fs/makeFolders.ts";

type Step<K extends JournalStep["kind"]> = Extract<JournalStep, { kind: K }>;

/** What taking back needs beside the steps. */
export interface TakeBackOptions extends CallOptions {
  /** Go on over what was changed since. */
  readonly force?: boolean;
  readonly keeper: Keeper;
  /** Steps of an earlier try that was interrupted. */
  readonly earlier: readonly JournalStep[];
}

/**
 * Takes the steps of an entry back, last first; only Git, which may refuse, comes before all else. Each is done when it is found done, so that a second call goes on where a
 * kill stopped the first; each is noted itself, so that it can be done again.
 */
export async function takeBack(repo: Repo, entry: JournalEntry, options: TakeBackOptions): Promise<void> {
  const back = [...entry.steps].reverse();
  const isHead = ({ kind }: JournalStep): boolean => kind === "head";
  for (const step of [...back.filter(isHead), ...back.filter((one) => !isHead(one))]) {
    options.signal?.throwIfAborted();
    await takeStep(repo, entry, step, options);
  }
}

async function takeStep(repo: Repo, entry: JournalEntry, step: JournalStep, options: TakeBackOptions): Promise<void> {
  switch (step.kind) {
    case "text":
      restoreText(repo, entry, step, options);
      break;
    case "data":
      await restoreData(repo, step, options);
      break;
    case "links":
      await changeLinks(repo, step, options);
      break;
    case "kept":
      await restoreKept(repo, step, options);
      break;
    case "restored":
      if (!isPresent(step.at) && isPresent(step.path)) rename(repo, step.path, step.at);
      break;
    case "moved":
      moveBack(repo, step, options);
      break;
    case "bin":
      bringBack(repo, step, options);
      break;
    case "head":
      await moveHead(repo, step, !entry.isWhole && !options.earlier.some(({ kind }) => kind === "head"), options);
      break;
    case "unbin":
    case "final":
      break; // `force`: passed over
  }
}

function bringBack(repo: Repo, { path }: Step<"bin">, { force, earlier }: TakeBackOptions): void {
  const bin = objectBins(repo).find((one) => one.path === path);
  if (bin !== undefined) {
    note(repo, { kind: "unbin", path });
    restoreObjects(bin, [repo.cache, repo.legacyCache]);
  } else if (force !== true && !earlier.some((one) => one.kind === "unbin" && one.path === path))
    throw new DvcError("the objects are no longer in the trash: they were brought back already, or deleted for good", {
      code: "not-found",
      hint: "With '--force' this one is passed over.",
    });
}

/** Puts back what lies in the trash; what is at its place now gives way. */
async function restoreKept(repo: Repo, { path, at }: Step<"kept">, options: TakeBackOptions): Promise<void> {
  if (!isPresent(at)) return;
  if (isPresent(path)) options.keeper.drop(path, await look(repo, path, "md5", options));
  note(repo, { kind: "restored", path, at });
  rename(repo, at, path);
  dropIfEmpty([join(repo.tmpDir, TRASH_FOLDER)], at);
}

async function restoreData(repo: Repo, step: Step<"data">, options: TakeBackOptions): Promise<void> {
  const { path, before, after, manifest } = step;
  if (before === undefined) return;
  if (before !== null) {
    await checkOut(repo, path, before, manifest, options);
    return;
  }
  // What an earlier try has brought back from the trash is there to stay.
  const isBack = options.earlier.some((one) => one.kind === "restored" && one.path === path);
  if (isPresent(path) && !isBack)
    options.keeper.drop(path, await look(repo, path, hashNameOf({ hash: after ?? undefined }), options));
  repo.state.links.delete(posixRelative(repo.root, path));
}

/** Makes a path what a hash names. @throws {DvcError} `unsaved-files`, `missing-object` */
async function checkOut(
  repo: Repo,
  path: OsPath,
  hash: HashInfo,
  manifest: string | undefined,
  options: TakeBackOptions & { readonly relink?: boolean },
): Promise<void> {
  const cache = cacheFor(repo, hash);
  const tree = manifest === undefined ? undefined : Tree.parse(Buffer.from(manifest), `journal of '${path}'`);
  const { force, relink, signal, reporter, keeper } = options;
  const call = { ...(signal === undefined ? {} : { signal }), ...(reporter === undefined ? {} : { reporter }) };
  const planned = (insist: boolean): Plan =>
    planCheckout([{ path, hash, meta: {}, ...(tree === undefined ? {} : { tree }), key: path }], {
      ...call,
      root: repo.root,
      cache,
      state: repo.state,
      ignore: repo.ignore,
      ...(insist ? { force: true } : {}),
      ...(relink === true ? { relink } : {}),
    });
  let plan = planned(force === true);
  // A power loss empties files that were not flushed: they hold nobody's work.
  const unsaved = plan.unsaved.filter((one) => lstatSync(one, { throwIfNoEntry: false })?.size !== 0);
  if (unsaved.length > 0)
    throw new DvcError(`these files are in no cache:\n${unsaved.join("\n")}`, {
      code: "unsaved-files",
      hint: "With '--force' they go into the trash (.dvc/tmp/trash).",
    });
  if (plan.unsaved.length > 0) plan = planned(true);
  await applyNoted(repo, [plan], { ...call, keeper });
  const oids = plan.missing.flatMap((one) => one.oids);
  if (oids.length > 0) {
    const hint = trashHint(repo, oids) ?? `Get them with '${repo.env.programName} fetch', then undo again.`;
    throw new DvcError(`'${path}' can't be restored: the cache lacks ${String(oids.length)} of its objects`, {
      code: "missing-object",
      hint,
    });
  }
}

async function changeLinks(repo: Repo, step: Step<"links">, options: TakeBackOptions): Promise<void> {
  const { path, hash, isLinked, manifest } = step;
  if (!isPresent(path)) return;
  note(repo, { ...step, isLinked: !isLinked });
  if (isLinked) unprotectPath(path, repo.root);
  else await checkOut(repo, path, hash, manifest, { ...options, relink: true });
}

function moveBack(repo: Repo, { path, to }: Step<"moved">, { keeper }: TakeBackOptions): void {
  if (!isPresent(to)) return;
  if (isPresent(path)) keeper.keep(path);
  note(repo, { kind: "moved", path: to, to: path });
  rename(repo, to, path);
}

function rename(repo: Repo, from: OsPath, to: OsPath): void {
  makeFolders(dirname(to));
  // What lies among our own files may be on another disk, by a link.
  const homeOf = (path: OsPath): OsPath => (isInside(repo.tmpDir, path) ? dirname(path) : topOf(repo));
  moveTree(repo, { path: from, home: homeOf(from) }, { path: to, home: homeOf(to) });
}

function restoreText(repo: Repo, entry: JournalEntry, step: Step<"text">, { keeper }: TakeBackOptions): void {
  const { path, before } = step;
  const now = readPlainText(path) ?? null;
  if (before === undefined || now === before) return;
  const isOurs = isKnownText(entry, path, now ?? undefined);
  if (!isOurs) keeper.keep(path);
  const there = isOurs ? now : null;
  note(repo, { kind: "text", path, before: there, left: before === null ? null : md5Bytes(Buffer.from(before)) });
  const hasData = entry.steps.some((one) => one.kind === "data" || one.kind === "moved");
  // Before the text: once that is back, a second call takes the step for done.
  if (now !== null && (before === null || !hasData)) releaseUnnamed(repo, path, now, before, topOf(repo));
  if (before !== null) writeFileAtomic(path, before, { inside: topOf(repo), parents: true });
  else if (isPresent(path)) removeHeldFile(topOf(repo), path);
}
