import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { OsPath } from "../base/paths.ts";

/** Where a path leads through all links; of what is not there yet, where it would be. */
export function realPath(path: OsPath): OsPath {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : join(realPath(dirname(path)), basename(path));
  }
}
