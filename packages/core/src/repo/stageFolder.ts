import { statSync } from "node:fs";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";

/** Checks that the folder that a new `.dvc` file goes into is there. @throws {DvcError} in DVC's words. */
export function requireFolder(folder: OsPath): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new DvcError(`stage working dir '${folder}' does not exist`, { code: "not-found" });
}
