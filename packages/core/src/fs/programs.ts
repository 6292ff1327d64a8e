import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import type { OsPath } from "../base/paths.ts";

/** The first program of this name in a PATH. Folders that are relative to where one stands are passed over. */
export function programIn(path: string | undefined, name: string): OsPath | undefined {
  const folders = (path ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(file: OsPath): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
