import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import type { OsPath } from "../base/paths.ts";

/** Folder inside a cache's root that keeps damaged objects until a person looks at them. DVC passes over it. */
export const QUARANTINE_FOLDER = "quarantine";

/**
 * Moves a damaged object out of the cache, never deletes it: it may be the only copy of an edit. Same file system, so
 * it is one rename. Hard links to it in a workspace stay as they are.
 * @returns where it lies now; undefined when somebody else moved it first.
 * @throws the file system's error when the cache is read-only.
 */
export function quarantine(root: OsPath, path: OsPath, oid: string): OsPath | undefined {
  const folder = join(root, QUARANTINE_FOLDER);
  mkdirSync(folder, { recursive: true });
  const to = freeName(folder, oid);
  try {
    renameSync(path, to);
    return to;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** What lies in the quarantine of a cache, as absolute paths, oldest name first. */
export function quarantined(root: OsPath): OsPath[] {
  const folder = join(root, QUARANTINE_FOLDER);
  try {
    return readdirSync(folder)
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function freeName(folder: OsPath, oid: string): OsPath {
  const taken = new Set(readdirSync(folder));
  for (let n = 1; ; n++) {
    const name = `${basename(oid)}.${String(n)}`;
    if (!taken.has(name)) return join(folder, name);
  }
}
