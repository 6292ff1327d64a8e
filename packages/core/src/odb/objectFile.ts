import type { BigIntStats } from "node:fs";
import { closeSync, fchmodSync, openSync, readSync } from "node:fs";
import { CorruptObjectError } from "../base/errors.ts";
import { ofFile } from "../base/ofFile.ts";
import type { OsPath } from "../base/paths.ts";
import { writeAll } from "../fs/atomic.ts";
import { newMd5 } from "../hash/md5.ts";

/** Mode of every object; exactly this mode means "nobody has edited it" (DVC's rule). */
export const OBJECT_MODE = 0o444;
/** Files are copied in blocks of so many bytes. */
const BLOCK_BYTES = 1 << 20;
let block: Buffer | undefined;

/** What tells whether a file is another one, or was written since. */
export type FileIdentity = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs">;

/** Whether nobody touched the file between two looks; links and mode may differ. */
export function sameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.dev === b.dev;
}

/** Copies what an open file holds into another, hashing it on the way; `md5` is empty with `skipHash`. @throws the file system's error; the signal's reason */
export function copyHashing(
  source: { readonly fd: number; readonly path: OsPath },
  fd: number,
  options: { skipHash?: boolean; signal?: AbortSignal; onBytes?: (count: number) => void },
): { md5: string; size: number } {
  const buffer = (block ??= Buffer.allocUnsafeSlow(BLOCK_BYTES));
  const hash = options.skipHash === true ? undefined : newMd5();
  let size = 0;
  for (;;) {
    const count = ofFile(source.path, () => readSync(source.fd, buffer, 0, buffer.length, null));
    if (count === 0) break;
    options.signal?.throwIfAborted();
    hash?.update(count === buffer.length ? buffer : buffer.subarray(0, count));
    writeAll(fd, buffer, count);
    options.onBytes?.(count);
    size += count;
  }
  return { md5: hash?.digest("hex") ?? "", size };
}

/** @throws {CorruptObjectError} when `md5` is not what `oid` says */
export function expectHash(path: OsPath, oid: string, md5: string): void {
  if (md5 === oid.slice(0, 32)) return;
  throw new CorruptObjectError(`'${path}' does not have the hash ${oid}: it was changed while it was stored`, {
    path,
    expected: oid,
    actual: md5,
    hint: "Nothing was stored under that name. Try again.",
  });
}

/** Makes a file with the mode of an object out of what `write` puts into it. @throws the file system's error */
export function writeTemporary<T>(temporary: OsPath, write: (fd: number) => T): T {
  return ofFile(temporary, () => {
    const fd = openSync(temporary, "wx", OBJECT_MODE);
    try {
      const result = write(fd);
      fchmodSync(fd, OBJECT_MODE);
      return result;
    } finally {
      closeSync(fd);
    }
  });
}
