import { lstatSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";

/** Whether a symbolic link is there, wherever it leads. Where nobody may look, or a file is in place of a folder, none is. */
export function isLink(path: OsPath): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  } catch {
    return false;
  }
}
