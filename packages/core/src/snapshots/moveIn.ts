import { type BigIntStats, closeSync, fsyncSync, lstatSync, openSync, readdirSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { isLeftover, leftoversOf, removeQuietly, syncFolder, temporaryPath, writeAll } from "../fs/atomic.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { namesIfThere } from "../fs/namesIn.ts";
import { readBounded } from "../fs/readBounded.ts";

/** What is moved into a folder, noted before the first rename: a run that is killed meanwhile is taken back by the next. */
interface Move {
  /** The folder, in the target, that it comes from. */
  readonly from: string;
  /** Name, device and inode of each file and folder. */
  readonly entries: readonly (readonly [name: string, dev: string, ino: string])[];
}

/** A note of more bytes is none of ours. */
const MAX_NOTE = 16 << 20;

/**
 * Moves what a folder, which lies in `target` too, holds into `target`: all or nothing. Git's folder comes last, so that a part is
 * never taken for the whole. `stage` is the path that `from` is a temporary name of.
 */
export function moveIn(from: OsPath, target: OsPath, stage: OsPath): void {
  const names = readdirSync(from).sort((a, b) => Number(a === ".git") - Number(b === ".git"));
  const note = temporaryPath(stage, 1);
  writeNote(note, { from: basename(from), entries: names.map((name) => entryOf(from, name)) });
  const moved: string[] = [];
  try {
    for (const name of names) {
      renameSync(join(from, name), join(target, name));
      moved.push(name);
    }
  } catch (error) {
    for (const name of moved) renameSync(join(target, name), join(from, name));
    removeQuietly(note);
    throw error;
  }
  syncFolder(target);
  removeQuietly(note);
}

/**
 * Takes back what a {@link moveIn} that was killed, or could not go back, has moved, for the next run to begin anew. Nothing is touched
 * when any of it was changed or replaced since: then it is somebody's.
 */
export function takeBackMove(target: OsPath, stage: OsPath): void {
  for (const note of leftoversOf(stage)) {
    const move = readNote(note);
    if (move === undefined) continue;
    const from = join(target, move.from);
    const { mtimeNs } = lstatSync(note, { bigint: true });
    const moved = move.entries.filter(([name]) => !isPresent(join(from, name)) && isPresent(join(target, name)));
    if (!moved.every((entry) => isAsMoved(target, entry, mtimeNs))) continue;
    makeFolders(from);
    for (const [name] of moved) renameSync(join(target, name), join(from, name));
  }
}

function entryOf(folder: OsPath, name: string): Move["entries"][number] {
  const { dev, ino } = lstatSync(join(folder, name), { bigint: true });
  return [name, String(dev), String(ino)];
}

/** Also a link that leads nowhere. */
function isPresent(path: OsPath): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Not by way of a temporary file: the note's own name is one. */
function writeNote(path: OsPath, move: Move): void {
  const file = openSync(path, "wx");
  try {
    writeAll(file, Buffer.from(JSON.stringify(move)));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  syncFolder(dirname(path));
}

function readNote(path: OsPath): Move | undefined {
  if (!lstatSync(path).isFile()) return undefined;
  try {
    const { from, entries } = JSON.parse(readBounded(path, MAX_NOTE, "utf8") ?? "") as Move;
    const names = [from, ...entries.map(([name]) => name)];
    const areNames = names.every((name) => name === basename(name) && !/^\.{0,2}$/.test(name));
    return areNames && isLeftover(from) ? { from, entries } : undefined;
  } catch {
    return undefined; // Cut off, or none of ours.
  }
}

/** Whether it is what was moved, and nobody has written into it since the note was made. */
function isAsMoved(target: OsPath, [name, dev, ino]: Move["entries"][number], since: bigint): boolean {
  const path = join(target, name);
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined || String(stat.dev) !== dev || String(stat.ino) !== ino) return false;
  return isOlder(path, stat, since);
}

function isOlder(path: OsPath, stat: BigIntStats, since: bigint): boolean {
  if (stat.mtimeNs > since) return false;
  if (!stat.isDirectory()) return true;
  return namesIfThere(path).every((name) => {
    const inside = join(path, name);
    return isOlder(inside, lstatSync(inside, { bigint: true }), since);
  });
}
