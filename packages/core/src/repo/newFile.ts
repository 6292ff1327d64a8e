import { chmodSync, constants, copyFileSync, statSync, writeFileSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";

/**
 * Copies bytes (as a clone where the disk can) to a file that must not exist. Its mode is that of any new file of the user:
 * caches and linked workspaces are read-only, and DVC hands on no execute bit.
 */
export function copyAsNew(from: OsPath, to: OsPath): void {
  writeFileSync(to, "", { flag: "wx" });
  const { mode } = statSync(to);
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
  chmodSync(to, mode & 0o777);
}
