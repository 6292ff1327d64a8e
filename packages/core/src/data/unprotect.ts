import type { BigIntStats } from "node:fs";
import { chmodSync, closeSync, lstatSync, openSync, readdirSync, readSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DvcError } from "../base/errors.ts";
import { newFileMode } from "../base/fileMode.ts";
import type { OsPath } from "../base/paths.ts";
import { isLeftover, removeLeft, removeQuietly, temporaryPath, writeAll } from "../fs/atomic.ts";
import { type HeldFolders, withHeldFolders } from "../fs/heldFolders.ts";
import { ofFile } from "../base/ofFile.ts";

const BLOCK_BYTES = 1 << 20;

/**
 * Makes a file, or every file of a folder, a writable file of its own: links to a cache become copies. Each file is replaced
 * in one step; a kill leaves the link or the copy. Linked folders are not entered.
 * @param home the project: nothing outside of it is changed
 * @throws {DvcError} when `path` does not exist; the file system's error.
 */
export function unprotectPath(path: OsPath, home: OsPath = dirname(path)): void {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) throw missing(path);
  withHeldFolders(home, (held) => {
    if (stat.isDirectory()) unprotectFolder(path, held);
    else unprotectFile(path, stat, held);
  });
}

function missing(path: OsPath): DvcError {
  return new DvcError(`can't unprotect non-existing data '${path}'`, { code: "not-found" });
}

function unprotectFolder(folder: OsPath, held: HeldFolders): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) unprotectFolder(path, held);
    // A killed run's unfinished copy: the next `add` would take it for data.
    else if (isLeftover(entry.name) && entry.isFile()) held.in(path, removeQuietly);
    else if (entry.isFile() || entry.isSymbolicLink()) unprotectFile(path, lstatSync(path, { bigint: true }), held);
  }
}

function unprotectFile(path: OsPath, stat: BigIntStats, held: HeldFolders): void {
  const mode = newFileMode();
  if (stat.isSymbolicLink()) {
    // A link to a folder is no link to a cache.
    const target = statSync(path, { throwIfNoEntry: false });
    if (target === undefined) throw missing(path);
    if (target.isFile()) replaceByCopy(path, mode, held);
  } else if (stat.nlink > 1n) replaceByCopy(path, mode | (Number(stat.mode) & 0o100), held);
  else {
    const wanted = mode | (Number(stat.mode) & 0o111);
    if ((Number(stat.mode) & 0o7777) !== wanted)
      held.in(path, (at) => {
        chmodSync(at, wanted);
      });
  }
}

/** Puts a writable copy of what a link leads to in its place, in one step. @throws the file system's error; the link stays then */
export function replaceByCopy(path: OsPath, mode: number, held: HeldFolders): void {
  held.in(path, (at) => {
    const temporary = temporaryPath(at);
    try {
      copyContents(at, temporary, mode);
      renameSync(temporary, at);
    } catch (error) {
      removeQuietly(temporary);
      throw error;
    }
    // Of the same file: the next `add` of its folder would take it for data.
    removeLeft(at, dirname(path));
  });
}

function copyContents(from: OsPath, to: OsPath, mode: number): void {
  const source = openSync(from, "r");
  try {
    const target = openSync(to, "wx", mode);
    try {
      const buffer = Buffer.allocUnsafe(BLOCK_BYTES);
      for (let count; (count = ofFile(from, () => readSync(source, buffer, 0, BLOCK_BYTES, null))) > 0;)
        writeAll(target, buffer, count);
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}
