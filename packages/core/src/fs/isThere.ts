import { statSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";

/** A path that can't be: nothing is there. */
const NOWHERE: ReadonlySet<string | undefined> = new Set(["ELOOP", "ENAMETOOLONG"]);

/**
 * Whether a path leads to something. Other than `existsSync` it takes nothing for absent that can't be looked at: what is said
 * to be deleted may be left out of what is recorded.
 * @throws the file system's error: no permission, a failing disk
 */
export function isThere(path: OsPath): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (NOWHERE.has((error as NodeJS.ErrnoException).code)) return false;
    throw error;
  }
}
