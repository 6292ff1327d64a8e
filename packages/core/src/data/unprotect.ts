import type { BigIntStats } from "node:fs";
import { chmodSync, lstatSync, readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DvcError } from "../base/errors.ts";
import { newFileMode } from "../base/fileMode.ts";
import type { OsPath } from "../base/paths.ts";
import { isLeftover, removeQuietly } from "../fs/atomic.ts";
import { type HeldFolders, withHeldFolders } from "../fs/heldFolders.ts";
import { LinkCopies } from "./linkCopies.ts";

/**
 * Makes a file, or every file of a folder, a writable file of its own: links to a cache become copies. Each file is replaced
 * in one step; a kill or a power loss leaves the link or the copy. Linked folders are not entered.
 * @param home the project: nothing outside of it is changed
 * @throws {DvcError} when `path` does not exist; the file system's error.
 */
export function unprotectPath(path: OsPath, home: OsPath = dirname(path)): void {
  unprotectPaths([path], home);
}

/** The same for many, which are flushed together. */
export function unprotectPaths(paths: readonly OsPath[], home: OsPath): void {
  withHeldFolders(home, (held) => {
    const copies = new LinkCopies(held);
    try {
      for (const path of paths) {
        const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
        if (stat === undefined) throw missing(path);
        if (stat.isDirectory()) unprotectFolder(path, held, copies);
        else unprotectFile(path, stat, held, copies);
      }
      copies.finish();
    } catch (error) {
      copies.discard();
      throw error;
    }
  });
}

function missing(path: OsPath): DvcError {
  return new DvcError(`can't unprotect non-existing data '${path}'`, { code: "not-found" });
}

function unprotectFolder(folder: OsPath, held: HeldFolders, copies: LinkCopies): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) unprotectFolder(path, held, copies);
    // A killed run's unfinished copy: the next `add` would take it for data.
    else if (isLeftover(entry.name) && entry.isFile()) held.in(path, removeQuietly);
    else if (entry.isFile() || entry.isSymbolicLink())
      unprotectFile(path, lstatSync(path, { bigint: true }), held, copies);
  }
}

function unprotectFile(path: OsPath, stat: BigIntStats, held: HeldFolders, copies: LinkCopies): void {
  const mode = newFileMode();
  if (stat.isSymbolicLink()) {
    // A link to a folder is no link to a cache.
    const target = statSync(path, { throwIfNoEntry: false });
    if (target === undefined) throw missing(path);
    if (target.isFile()) copies.add(path, mode);
  } else if (stat.nlink > 1n) copies.add(path, mode | (Number(stat.mode) & 0o100));
  else {
    const wanted = mode | (Number(stat.mode) & 0o111);
    if ((Number(stat.mode) & 0o7777) !== wanted)
      held.in(path, (at) => {
        chmodSync(at, wanted);
      });
  }
}
