import { readdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { inShard } from "./heldShards.ts";

/** Name of the folder that keeps damaged objects until a person looks at them: in `.dvc/tmp`, or in an external cache. DVC passes over both. */
export const QUARANTINE_FOLDER = "quarantine";

/**
 * Moves a damaged object out of the cache, never deletes it: it may be the only copy of an edit. One rename, into the first
 * of `folders` that lies on the same file system. Hard links to it in a workspace stay as they are.
 * @returns where it lies now; undefined when somebody else moved it first.
 * @throws the file system's error when the cache is read-only.
 */
export function quarantine(folders: readonly OsPath[], path: OsPath, oid: string): OsPath | undefined {
  for (const [index, folder] of folders.entries()) {
    try {
      const to = freeName(folder, oid);
      inShard(path, (at) => {
        renameSync(at, to);
      });
      return to;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return undefined;
      if (code !== "EXDEV" || index === folders.length - 1) throw error;
    }
  }
  return undefined;
}

/** What lies in a quarantine, as absolute paths, oldest name first. */
export function quarantined(folder: OsPath): OsPath[] {
  try {
    return readdirSync(folder)
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** A name that is free in a quarantine, for an object; makes the folder. */
export function freeName(folder: OsPath, oid: string): OsPath {
  makeFolders(folder);
  const taken = new Set(readdirSync(folder));
  for (let n = 1; ; n++) {
    const name = `${basename(oid)}.${String(n)}`;
    if (!taken.has(name)) return join(folder, name);
  }
}
