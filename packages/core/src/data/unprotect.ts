import type { BigIntStats } from "node:fs";
import {
  chmodSync,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { DvcError } from "../base/errors.ts";
import { newFileMode } from "../base/fileMode.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { isLeftover, removeQuietly, temporaryPath, writeAll } from "../fs/atomic.ts";

const BLOCK_BYTES = 1 << 20;

/**
 * Makes a file, or every file of a folder, a writable file of its own: links to a cache become copies. Each file is replaced
 * in one step; a kill leaves the link or the copy. Linked folders are not entered.
 * @throws {DvcError} when `path` does not exist; the file system's error.
 */
export function unprotectPath(path: OsPath): void {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) throw missing(path);
  if (stat.isDirectory()) unprotectFolder(path);
  else unprotectFile(path, stat);
}

/**
 * Gives symlinks to objects of a cache that were edited through the link (an object is read-only as long as nobody did) files of
 * their own: the damaged object will leave the cache, what was edited must not go with it.
 */
export function freeEditedLinks(path: OsPath, cache: OsPath): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) {
    for (const entry of readdirSync(path, { withFileTypes: true }))
      if (entry.isDirectory() || entry.isSymbolicLink()) freeEditedLinks(join(path, entry.name), cache);
  } else if (stat?.isSymbolicLink() === true) {
    const object = statSync(path, { throwIfNoEntry: false });
    if (object?.isFile() === true && (object.mode & 0o222) !== 0 && isInside(realpathSync(cache), realpathSync(path)))
      replaceByCopy(path, newFileMode());
  }
}

function missing(path: OsPath): DvcError {
  return new DvcError(`can't unprotect non-existing data '${path}'`, { code: "not-found" });
}

function unprotectFolder(folder: OsPath): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) unprotectFolder(path);
    // A killed run's unfinished copy: the next `add` would take it for data.
    else if (isLeftover(entry.name) && entry.isFile()) removeQuietly(path);
    else if (entry.isFile() || entry.isSymbolicLink()) unprotectFile(path, lstatSync(path, { bigint: true }));
  }
}

function unprotectFile(path: OsPath, stat: BigIntStats): void {
  const mode = newFileMode();
  if (stat.isSymbolicLink()) {
    // A link to a folder is no link to a cache.
    const target = statSync(path, { throwIfNoEntry: false });
    if (target === undefined) throw missing(path);
    if (target.isFile()) replaceByCopy(path, mode);
  } else if (stat.nlink > 1n) replaceByCopy(path, mode | (Number(stat.mode) & 0o100));
  else {
    const wanted = mode | (Number(stat.mode) & 0o111);
    if ((Number(stat.mode) & 0o7777) !== wanted) chmodSync(path, wanted);
  }
}

function replaceByCopy(path: OsPath, mode: number): void {
  const temporary = temporaryPath(path);
  try {
    copyContents(path, temporary, mode);
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
}

function copyContents(from: OsPath, to: OsPath, mode: number): void {
  const source = openSync(from, "r");
  try {
    const target = openSync(to, "wx", mode);
    try {
      const buffer = Buffer.allocUnsafe(BLOCK_BYTES);
      for (let count; (count = readSync(source, buffer, 0, BLOCK_BYTES, null)) > 0;) writeAll(target, buffer, count);
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}
