import { readdirSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";

/** Names in a folder; none when it is not there or can't be listed: for looks that nothing depends on. */
export function namesIn(folder: OsPath): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The same, where something depends on them: only an absent folder, or what is none, holds nothing. @throws the file system's error */
export function namesIfThere(folder: OsPath): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
