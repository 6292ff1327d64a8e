import { statfsSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";

/**
 * Linux file systems that move a folder's times with each name that comes, goes or is replaced: ext2-4, XFS, Btrfs, F2FS,
 * tmpfs, overlayfs, ZFS, bcachefs. Others (network, FUSE) may make folder times up.
 */
const KEEPS_TIMES = new Set([
  0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xca451a4e,
]);

/** Whether a folder with unchanged times surely holds the same names. */
export function hasFolderTimes(folder: OsPath): boolean {
  if (process.platform !== "linux") return false;
  try {
    return KEEPS_TIMES.has(statfsSync(folder).type >>> 0);
  } catch {
    return false;
  }
}
