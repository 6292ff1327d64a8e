import { chmodSync, mkdirSync, renameSync, rmdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { temporaryPath } from "../fs/atomic.ts";
import type { OsPath } from "../base/paths.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/**
 * Creates a folder for objects, and those above it. With `mode` each gets exactly that, umask or not, before it gets its name:
 * others who share the cache find no folder that they may not enter yet.
 */
export function makeObjectFolder(folder: OsPath, mode: number | undefined): void {
  if (mode === undefined) makeFolders(folder);
  else makeOpen(folder, mode);
}

function makeOpen(folder: OsPath, mode: number): void {
  if (isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeOpen(parent, mode);
  const temporary = temporaryPath(folder);
  mkdirSync(temporary);
  try {
    chmodQuietly(temporary, mode);
    renameSync(temporary, folder);
  } catch (error) {
    rmdirSync(temporary);
    // Somebody else was faster, and has put something into it.
    if (!isFolder(folder)) throw error;
  }
}

function chmodQuietly(path: OsPath, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch {
    // A file system without modes.
  }
}

function isFolder(path: OsPath): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
