import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { OsPath } from "../base/paths.ts";

/** Above this many records, those that were not renewed for two months go. */
const PRUNE_ABOVE = 64;
const KEEP_MS = 60 * 86_400_000;

/** Deletes old files of a folder of records, once there are many. */
export function pruneRecords(folder: OsPath): void {
  const names = readdirSync(folder);
  if (names.length <= PRUNE_ABOVE) return;
  const oldest = Date.now() - KEEP_MS;
  for (const name of names) {
    const file = join(folder, name);
    if ((statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? oldest) < oldest) rmSync(file, { force: true });
  }
}
