import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { guardPath } from "../data/planGuard.ts";
import { readPlainText } from "../fs/atomic.ts";
import { md5Bytes } from "../hash/md5.ts";
import { TRASH_FOLDER } from "../odb/objectDb.ts";
import { type JournalEntry, type JournalStep, topOf } from "../repo/journal.ts";
import { hashNameOf, look } from "../repo/noteData.ts";
import type { Repo } from "../repo/repo.ts";
import { headPlace, isSamePlace } from "./undoHead.ts";

/** The journal is a file in `.dvc`: what it names must lie where a command could have put it. @throws {UnsafePathError} */
export function checkPlaces(repo: Repo, entry: JournalEntry): void {
  for (const step of entry.steps) checkPlace(repo, step);
}

function checkPlace(repo: Repo, step: JournalStep): void {
  const { kind } = step;
  // Nothing is written at these: bins are looked up among those that are there, HEAD is Git's.
  if (kind === "bin" || kind === "unbin" || kind === "head" || kind === "final") return;
  const top = topOf(repo);
  guardPath(top, step.path);
  if (kind === "moved") guardPath(repo.root, step.to);
  if (kind !== "kept" && kind !== "restored") return;
  const trash = join(repo.tmpDir, TRASH_FOLDER);
  // A link in the place of the trash is no trash.
  const isInTrash = isInside(trash, step.at) && lstatSync(trash, { throwIfNoEntry: false })?.isSymbolicLink() !== true;
  guardPath(isInTrash ? trash : top, step.at);
}

/**
 * The paths of an entry that hold neither what its command left there nor, since a kill may have interrupted an earlier undo,
 * what was there before.
 */
export async function findConflicts(repo: Repo, entry: JournalEntry, options: CallOptions): Promise<OsPath[]> {
  const found = new Set<OsPath>();
  for (const step of entry.steps) if (await isConflict(repo, entry, step, options)) found.add(step.path);
  return [...found];
}

async function isConflict(repo: Repo, entry: JournalEntry, step: JournalStep, options: CallOptions): Promise<boolean> {
  switch (step.kind) {
    case "text":
      // Interrupted: what it was made meanwhile may not have been noted. It goes into the trash.
      return entry.isWhole && !isKnownText(entry, step.path, readPlainText(step.path));
    case "moved":
      return isPresent(step.path) && isPresent(step.to);
    case "data":
    case "links":
      return isDataChanged(repo, entry, step.path, options);
    case "kept":
      // Taken away whole: its place must be free, unless it is back already.
      return !isCovered(entry, step) && isPresent(step.path) && isPresent(step.at);
    case "head":
      return !isSamePlace(headPlace(repo), step.after) && !isSamePlace(headPlace(repo), step.before);
    default:
      return false;
  }
}

/** Whether a pointer file holds what it did before the command, or what that made of it. */
export function isKnownText(entry: JournalEntry, path: OsPath, text: string | undefined): boolean {
  return textsOf(entry, path).has(hashOf(text));
}

/** What a pointer file may hold, as md5 sums. */
function textsOf(entry: JournalEntry, path: OsPath): Set<string | null> {
  const texts = new Set<string | null>();
  for (const step of entry.steps) {
    if (step.kind !== "text" || step.path !== path) continue;
    if (step.before !== undefined) texts.add(hashOf(step.before ?? undefined));
    texts.add(step.left);
  }
  return texts;
}

function hashOf(text: string | undefined): string | null {
  return text === undefined ? null : md5Bytes(Buffer.from(text));
}

async function isDataChanged(repo: Repo, entry: JournalEntry, path: OsPath, options: CallOptions): Promise<boolean> {
  // Interrupted half-way, there or back: what else is there is compared file by file before it is replaced.
  if (!entry.isWhole) return false;
  if (entry.steps.some((one) => one.kind === "restored" && one.path === path)) return false;
  const hashes = [];
  let isKnown = true;
  for (const step of entry.steps) {
    if (step.path !== path) continue;
    if (step.kind === "links") hashes.push(step.hash);
    if (step.kind !== "data") continue;
    isKnown = step.after !== undefined;
    if (step.before !== undefined) hashes.push(step.before);
    if (step.after !== undefined) hashes.push(step.after);
  }
  if (!isKnown) return false;
  const now = await look(repo, path, hashNameOf({ hash: hashes.find((one) => one !== null) }), options);
  if (now === undefined) return isPresent(path);
  return !hashes.some((one) => one?.value === now.hash.value);
}

/** Whether another step says what lies there afterwards. */
function isCovered(entry: JournalEntry, step: JournalStep): boolean {
  const later = entry.steps.slice(entry.steps.indexOf(step) + 1);
  return (
    later.some((one) => one.kind === "restored" && one.path === step.path) ||
    entry.steps.some((one) => one.kind === "data" && isInside(one.path, step.path))
  );
}

/** Whether anything is at a path, a broken link too. */
export function isPresent(path: OsPath): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
