import { lstatSync } from "node:fs";
import type { ObjectDb } from "./objectDb.ts";
import { OBJECT_MODE } from "./objectFile.ts";

/** Whether a manifest and all files that it names are in the cache, as plain files that nobody has touched. */
export function isPlainlyWhole(cache: ObjectDb, oid: string): boolean {
  if (!isPlain(cache.pathOf(oid))) return false;
  const tree = cache.peekTree(oid);
  if (tree === undefined) return false;
  for (const md5 of tree.md5s()) if (!isPlain(cache.pathOf(md5))) return false;
  return true;
}

function isPlain(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.isFile() && (stat.mode & 0o7777) === OBJECT_MODE;
}
