import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { removeLeft, temporaryPath, writeAll } from "../fs/atomic.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** Bytes of one record. Layout in {@link RecordTable}. */
const RECORD_BYTES = 64;
const RECORD_WORDS = RECORD_BYTES / 4;
const HEADER_BYTES = 32;
/** "HFST" and the version of the layout. */
const MAGIC = 0x54534648;
const VERSION = 1;
/** 16 million records: a larger file is not ours. */
const MAX_RECORDS = 1 << 24;

/** Identity of the file as it was read, to notice that another process saved since. */
export interface FileIdentity {
  readonly ino: bigint;
  readonly mtimeNs: bigint;
  readonly size: bigint;
}

/** Records of a state file. */
export interface LoadedRecords {
  /** `count` records, and room. */
  readonly words: Uint32Array;
  readonly count: number;
  readonly identity: FileIdentity | undefined;
}

/** Reads the records, into memory with room for `more`. A missing, foreign, truncated or damaged file reads as empty. */
export function readStateFile(file: OsPath, more = 0): LoadedRecords {
  const none: LoadedRecords = { words: new Uint32Array(0), count: 0, identity: undefined };
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return none;
  }
  try {
    const { ino, mtimeNs, size } = fstatSync(fd, { bigint: true });
    const bytes = Number(size);
    if (bytes < HEADER_BYTES || bytes > HEADER_BYTES + MAX_RECORDS * RECORD_BYTES) return none;
    // Whoever else left a file there gets no memory for it.
    const head = new Uint32Array(HEADER_BYTES / 4);
    readSync(fd, head, 0, HEADER_BYTES, 0);
    const count = head[2] ?? 0;
    if (head[0] !== MAGIC || head[1] !== VERSION || bytes !== HEADER_BYTES + count * RECORD_BYTES) return none;
    // Shared, so that other threads can ask, too.
    const buffer = new SharedArrayBuffer(bytes + more * RECORD_BYTES);
    const view = new Uint8Array(buffer, 0, bytes);
    for (let at = 0; at < view.length;) {
      const got = readSync(fd, view, at, view.length - at, at);
      if (got === 0) return none;
      at += got;
    }
    const words = new Uint32Array(buffer);
    const body = words.subarray(HEADER_BYTES / 4);
    const [low, high] = checksum(body.subarray(0, count * RECORD_WORDS));
    if (words[4] !== low || words[5] !== high) return none;
    return { words: body, count, identity: { ino, mtimeNs, size } };
  } catch {
    return none;
  } finally {
    closeSync(fd);
  }
}

/** What {@link readStateFile} would see of the file now, or undefined. */
export function identityOf(file: OsPath): FileIdentity | undefined {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : { ino: stat.ino, mtimeNs: stat.mtimeNs, size: stat.size };
}

/** Replaces the file in one step. Not synced: a file that a crash left half is noticed by its checksum. */
export function writeStateFile(file: OsPath, words: Uint32Array): FileIdentity {
  const header = new Uint32Array(HEADER_BYTES / 4);
  const [low, high] = checksum(words);
  header.set([MAGIC, VERSION, words.length / RECORD_WORDS, 0, low, high]);
  const temporary = temporaryPath(file);
  makeFolders(dirname(file));
  const fd = openSync(temporary, "wx", 0o600);
  try {
    writeAll(fd, new Uint8Array(header.buffer));
    writeAll(fd, new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
    renameSync(temporary, file);
    removeLeft(file, dirname(file));
    const { ino, mtimeNs, size } = fstatSync(fd, { bigint: true });
    return { ino, mtimeNs, size };
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Two sums of all words that notice changed, moved and missing ones; some 1 ns a word. */
function checksum(words: Uint32Array): [number, number] {
  let a = 0x9e3779b9 | 0;
  let b = words.length | 0;
  for (let i = 0; i < words.length; i++) {
    a = Math.imul(a ^ (words[i] as number), 0x01000193);
    b = (b + a) | 0;
  }
  return [a >>> 0, b >>> 0];
}
