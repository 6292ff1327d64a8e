import { chmodSync, closeSync, constants, copyFileSync, openSync, readSync, statSync, writeFileSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";

/** Smaller files are read and written: the system's way to copy makes a file in four calls more. */
const SMALL_BYTES = 256 * 1024;
let buffer: Buffer | undefined;

/**
 * Copies bytes (large files as a clone where the disk can) to a file that must not exist. Its mode is that of any new file
 * of the user: caches and linked workspaces are read-only, and DVC hands on no execute bit.
 * @returns the bytes of a small file, until the next call
 */
export function copyAsNew(from: OsPath, to: OsPath): Buffer | undefined {
  const bytes = readSmall(from);
  writeFileSync(to, bytes ?? "", { flag: "wx" });
  if (bytes !== undefined) return bytes;
  const { mode } = statSync(to);
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
  chmodSync(to, mode & 0o777);
  return undefined;
}

/** All bytes of a file that is small. @throws the file system's error */
function readSmall(path: OsPath): Buffer | undefined {
  buffer ??= Buffer.allocUnsafeSlow(SMALL_BYTES);
  const file = openSync(path, "r");
  try {
    for (let length = 0; length < SMALL_BYTES;) {
      const count = readSync(file, buffer, length, SMALL_BYTES - length, null);
      if (count === 0) return buffer.subarray(0, length);
      length += count;
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}
