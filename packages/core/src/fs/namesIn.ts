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
