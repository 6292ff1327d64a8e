import { existsSync } from "node:fs";
import { join } from "node:path";
import { isInside, type OsPath } from "../base/paths.ts";
import { realPath } from "../fs/realPath.ts";

/** In a cache that several projects share: who they are. */
export const PROJECTS = "projects";

/** Of a project: its `.dvc` folder and its cache. */
export interface CachePlace {
  readonly dvcDir: OsPath;
  readonly cacheDir: OsPath;
}

/** Whether the cache lies in the project itself. */
export function isOwnCache({ dvcDir, cacheDir }: CachePlace): boolean {
  return isInside(realPath(dvcDir), realPath(cacheDir));
}

/** Whether no other project uses the cache, as far as is known. */
export function isUnshared(place: CachePlace): boolean {
  return isOwnCache(place) && !existsSync(join(place.cacheDir, PROJECTS));
}

/** Whether only who holds the project's lock stores objects: their folders are no links to where others may do so, too. */
export function storesAlone(place: CachePlace): boolean {
  return isUnshared(place) && isInside(realPath(place.dvcDir), realPath(join(place.cacheDir, "files", "md5")));
}
