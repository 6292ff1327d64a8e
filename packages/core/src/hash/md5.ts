import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { Hash } from "node:crypto";
import type { OsPath } from "../base/paths.ts";
import { SHORT, shortMd5 } from "./shortMd5.ts";
import { ofFile } from "../base/ofFile.ts";

/** Blocks of this many bytes: larger ones leave the CPU's cache, smaller ones cost calls. */
const BLOCK = 512 * 1024;
/** The 2.x rule works on blocks of exactly this many bytes. */
const DOS2UNIX_BLOCK = 1024 * 1024;
/** How much of a block decides whether it is text. */
const TEXT_SAMPLE = 512;

/** The md5 of no bytes: what a power loss makes of a file that was never flushed. */
export const EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e";

/** node:crypto costs milliseconds to load, so it is fetched when the first byte is hashed. */
export function newMd5(): Hash {
  return process.getBuiltinModule("node:crypto").createHash("md5");
}

/** The md5 of bytes in memory, 32 hex digits. */
export function md5Bytes(bytes: Uint8Array): string {
  return (bytes.length <= SHORT ? shortMd5(bytes) : newMd5().update(bytes).digest()).toString("hex");
}

/** Options of {@link md5File}. */
export interface Md5FileOptions {
  /** Aborts between blocks. */
  readonly signal?: AbortSignal;
  /** Called with the number of bytes newly read. */
  readonly onBytes?: (count: number) => void;
}

/**
 * Hashes one file of any size in fixed memory, synchronously.
 * @throws the operating system's error when it cannot be read.
 */
export function md5File(path: OsPath, options: Md5FileOptions = {}): { md5: string; size: number } {
  return hashBlocks(path, BLOCK, options, (block) => block);
}

/**
 * The 2.x `md5-dos2unix`: each block of 1 MiB whose first 512 bytes look like text has CR LF replaced by LF before it is
 * hashed. `size` is that of the file, not of what was hashed.
 */
export function md5Dos2Unix(path: OsPath, options: Md5FileOptions = {}): { md5: string; size: number } {
  return hashBlocks(path, DOS2UNIX_BLOCK, options, (block) =>
    looksLikeText(block) ? dropCarriageReturns(block) : block,
  );
}

function hashBlocks(
  path: OsPath,
  blockSize: number,
  options: Md5FileOptions,
  transform: (block: Buffer) => Uint8Array,
): { md5: string; size: number } {
  return ofFile(path, () => hashOpened(openSync(path, "r"), blockSize, options, transform));
}

/** Hashes an open file, and closes it. */
function hashOpened(
  fd: number,
  blockSize: number,
  options: Md5FileOptions,
  transform: (block: Buffer) => Uint8Array,
): { md5: string; size: number } {
  try {
    let hash: Hash | undefined;
    const buffer = Buffer.allocUnsafeSlow(Math.min(blockSize, Math.max(4096, fstatSync(fd).size + 1)));
    let block = buffer;
    let size = 0;
    for (;;) {
      options.signal?.throwIfAborted();
      const count = fill(fd, block);
      if (count === 0) break;
      size += count;
      const part = transform(block.subarray(0, count));
      options.onBytes?.(count);
      if (hash === undefined && count < block.length) return { md5: md5Bytes(part), size };
      hash ??= newMd5();
      hash.update(part);
      // A file that grew after the first look needs the full block: the 2.x rule depends on where blocks begin.
      if (block.length < blockSize && count === block.length) block = Buffer.allocUnsafeSlow(blockSize);
      else if (count < block.length) break;
    }
    return { md5: hash?.digest("hex") ?? md5Bytes(new Uint8Array(0)), size };
  } finally {
    closeSync(fd);
  }
}

/** Reads until the buffer is full or the file ends. */
function fill(fd: number, buffer: Buffer): number {
  let at = 0;
  while (at < buffer.length) {
    const count = readSync(fd, buffer, at, buffer.length - at, null);
    if (count === 0) break;
    at += count;
  }
  return at;
}

/** DVC's rule: no NUL, at most 30 % of the sample outside printable ASCII and `\n \r \t \f \b`. */
export function looksLikeText(block: Uint8Array): boolean {
  const length = Math.min(block.length, TEXT_SAMPLE);
  let odd = 0;
  for (let i = 0; i < length; i++) {
    const c = block[i] as number;
    if (c === 0) return false;
    if ((c < 32 || c > 126) && !(c >= 8 && c <= 13 && c !== 11)) odd++;
  }
  return odd <= length * 0.3;
}

/** The block without each CR that an LF follows; the same block when it has none. */
function dropCarriageReturns(block: Buffer): Uint8Array {
  if (!block.includes("\r\n")) return block;
  const out = Buffer.allocUnsafe(block.length);
  let length = 0;
  for (let i = 0; i < block.length; i++) {
    const c = block[i] as number;
    if (c === 13 && block[i + 1] === 10) continue;
    out[length++] = c;
  }
  return out.subarray(0, length);
}
