import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** Creates a folder for objects, and gives those it made exactly `mode` (umask or not) when that is given. */
export function makeObjectFolder(folder: OsPath, mode: number | undefined): void {
  const first = makeFolders(folder);
  if (first === undefined || mode === undefined) return;
  for (let at = folder; at.length >= first.length; at = dirname(at)) chmodQuietly(at, mode);
}

function chmodQuietly(path: OsPath, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch {
    // A folder of somebody else who was faster: theirs to set.
  }
}
