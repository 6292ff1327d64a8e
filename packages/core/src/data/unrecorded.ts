import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import type { Tree } from "../odb/tree.ts";

/** Whether a folder holds files that its manifest does not name: those that `.dvcignore` leaves out are in no cache. */
export function holdsUnrecorded(path: OsPath, tree: Tree | undefined): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return false;
  return tree === undefined || hasMore(path, "", tree);
}

function hasMore(folder: OsPath, prefix: string, tree: Tree): boolean {
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    const rel = prefix + entry.name;
    if (entry.isDirectory()) return hasMore(join(folder, entry.name), `${rel}/`, tree);
    return tree.get(rel) === undefined && !tree.hasFolder(rel);
  });
}
