import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { OsPath } from "../base/paths.ts";

/**
 * Makes a folder and those above it. Unlike Node's own way it ends where no folder can be made at all (below `/proc`), which
 * Node tries for ever.
 * @param mode permission bits of those that are made; 0777 less the umask by default
 * @returns the topmost one that was made; undefined when all were there
 * @throws the file system's error; `ENOTSUP` where none can be made
 */
export function makeFolders(path: OsPath, mode?: number): OsPath | undefined {
  if (isFolder(path)) return undefined;
  const parent = dirname(path);
  if (statSync(parent, { throwIfNoEntry: false })?.isDirectory() === false)
    throw failure("ENOTDIR", "not a directory", path);
  const first = parent === path ? undefined : makeFolders(parent, mode);
  try {
    mkdirSync(path, mode);
    return first ?? path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && isFolder(path)) return first;
    if (code !== "ENOENT" || !isFolder(parent)) throw error;
    throw failure("ENOTSUP", `no folder can be made in '${parent}'`, path);
  }
}

function failure(code: string, reason: string, path: OsPath): Error {
  return Object.assign(new Error(`${code}: ${reason}, mkdir '${path}'`), { code, syscall: "mkdir", path });
}

function isFolder(path: OsPath): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
