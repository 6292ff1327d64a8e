import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import type { OsPath, RelPath } from "../base/paths.ts";
import { TextColumn } from "../base/textColumn.ts";
import { removeLeft, temporaryPath, writeAll } from "../fs/atomic.ts";
import { DIR_SUFFIX } from "../hash/hashInfo.ts";
import { pruneRecords } from "./pruneRecords.ts";
import { STAMP_FIELDS } from "./stateTable.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** Numbers kept of a folder: device, inode, mtime in ns, ctime in ns. All 0: list it again next time. */
export const FOLDER_NUMBERS = 4;
/** Flag of a file that is a symlink: its numbers are those of the file it leads to. */
export const IS_LINK = 1;
/** Flag of a file that has several names. */
export const HAS_NAMES = 2;

/** What a folder held when it was last hashed, file by file in the order of its manifest. */
export interface FolderRecord {
  /** Hash of its manifest. */
  readonly oid: string;
  /** Bytes of all files. */
  readonly size: number;
  /** Number of files. */
  readonly nfiles: number;
  readonly relpaths: TextColumn;
  /** {@link STAMP_FIELDS} for each file. All 0: look closer next time. */
  readonly stats: BigUint64Array;
  /** 16 bytes for each file. */
  readonly digests: Uint8Array;
  /** {@link IS_LINK} and {@link HAS_NAMES}, a byte for each file. */
  readonly flags: Uint8Array;
  /** The folder itself (""), then those in it; "/" at the end. */
  readonly folders: readonly RelPath[];
  /** {@link FOLDER_NUMBERS} for each folder. */
  readonly folderStats: BigUint64Array;
}

/** "HFFR" and the version of the layout. */
const MAGIC = 0x52464648;
const VERSION = 1;
const HEADER_BYTES = 64;
/** A file larger than this is not ours: some 8 million files. */
const MAX_BYTES = 1 << 30;
/** Bytes that are written at a time; whole words. */
const PIECE_BYTES = 1 << 20;

/*
 * A file: header; numbers of the files; numbers of the folders; digests; flags; then, as UTF-8, the relpaths, the folders
 * (both joined by NUL) and the key. The header, in 32-bit words: 0 magic, 1 version, 2 files, 3 folders, 4-6 bytes of the
 * three texts, 7-8 checksum of all that follows the header, 9-12 manifest's hash, 13-14 bytes of all files.
 */

/**
 * Folders by path and hash name with what they held, so that an unchanged one needs one look at each file and nothing
 * else, and a changed one a closer look only at what changed. One file a folder; safe to delete.
 */
export class FolderRecords {
  readonly #folder: OsPath;
  readonly #known = new Map<string, FolderRecord | undefined>();
  readonly #fresh = new Set<string>();

  /** `folder` holds the files; "" keeps records only in memory. */
  constructor(folder: OsPath) {
    this.#folder = folder;
  }

  /** The last record of a folder. */
  get(path: OsPath, hashName: string): FolderRecord | undefined {
    const key = `${hashName}:${path}`;
    if (!this.#known.has(key)) this.#known.set(key, this.#folder === "" ? undefined : readRecord(this.#file(key), key));
    return this.#known.get(key);
  }

  /** Replaces the record of a folder. */
  set(path: OsPath, hashName: string, record: FolderRecord): void {
    const key = `${hashName}:${path}`;
    this.#known.set(key, record);
    this.#fresh.add(key);
  }

  /** Writes what is new, each record in one step. */
  save(): void {
    if (this.#folder === "" || this.#fresh.size === 0) return;
    makeFolders(this.#folder);
    for (const key of this.#fresh) {
      const record = this.#known.get(key);
      if (record !== undefined) writeRecord(this.#file(key), key, record);
    }
    this.#fresh.clear();
    pruneRecords(this.#folder);
  }

  #file(key: string): OsPath {
    const [a, b] = checksum(Buffer.from(key.padEnd(Math.ceil(key.length / 4) * 4), "utf16le"));
    return join(this.#folder, a.toString(16).padStart(8, "0") + b.toString(16).padStart(8, "0"));
  }
}

/** A missing, foreign, truncated or damaged file, and one of another key, reads as no record. */
function readRecord(file: OsPath, key: string): FolderRecord | undefined {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return undefined;
  }
  try {
    const { size } = fstatSync(fd);
    if (size < HEADER_BYTES || size > MAX_BYTES || !isSized(fd, size)) return undefined;
    // Shared, so that a second thread can compare with it too.
    const bytes = new Uint8Array(new SharedArrayBuffer(wholeWords(size)));
    for (let at = 0; at < size;) {
      const count = readSync(fd, bytes, at, size - at, at);
      if (count === 0) return undefined;
      at += count;
    }
    return parseRecord(bytes, size, key);
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** Whether a file has the size that its header says: whoever else left one there gets no memory for it. */
function isSized(fd: number, size: number): boolean {
  const header = new Uint32Array(HEADER_BYTES / 4);
  if (readSync(fd, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return false;
  const [magic, version, files = 0, folders = 0, namesBytes = 0, foldersBytes = 0, keyBytes = 0] = header;
  if (magic !== MAGIC || version !== VERSION) return false;
  return size === offsets(files, folders).texts + namesBytes + foldersBytes + keyBytes;
}

function parseRecord(bytes: Uint8Array, size: number, key: string): FolderRecord | undefined {
  const header = new Uint32Array(bytes.buffer, 0, HEADER_BYTES / 4);
  const [, , files = 0, folders = 0, namesBytes = 0, foldersBytes = 0, keyBytes = 0, low, high] = header;
  const at = offsets(files, folders);
  const [a, b] = checksum(bytes.subarray(HEADER_BYTES));
  if (a !== low || b !== high) return undefined;
  const text = (from: number, length: number): string => Buffer.from(bytes.buffer, from, length).toString("utf8");
  if (text(size - keyBytes, keyBytes) !== key) return undefined;
  const relpaths = TextColumn.parse(new Uint8Array(bytes.buffer, at.texts, namesBytes), files);
  if (relpaths === undefined) return undefined;
  return {
    oid: Buffer.from(bytes.buffer, 36, 16).toString("hex") + DIR_SUFFIX,
    size: (header[13] as number) + (header[14] as number) * 2 ** 32,
    nfiles: files,
    relpaths,
    stats: new BigUint64Array(bytes.buffer, HEADER_BYTES, files * STAMP_FIELDS),
    folderStats: new BigUint64Array(bytes.buffer, at.folders, folders * FOLDER_NUMBERS),
    digests: new Uint8Array(bytes.buffer, at.digests, files * 16),
    flags: new Uint8Array(bytes.buffer, at.flags, files),
    folders: text(at.texts + namesBytes, foldersBytes).split("\0"),
  };
}

function writeRecord(file: OsPath, key: string, record: FolderRecord): void {
  const { nfiles, folders } = record;
  const texts = [record.relpaths.joined, Buffer.from(folders.join("\0"), "utf8"), Buffer.from(key, "utf8")];
  const parts = [bytesOf(record.stats), bytesOf(record.folderStats), record.digests, record.flags, ...texts];
  const header = new Uint32Array(HEADER_BYTES / 4);
  header.set([MAGIC, VERSION, nfiles, folders.length, ...texts.map((text) => text.length)]);
  Buffer.from(header.buffer).write(record.oid.slice(0, 32), 36, "hex");
  header.set([record.size % 2 ** 32, Math.floor(record.size / 2 ** 32)], 13);
  replaceFile(file, header, parts);
}

/** Not synced: a file that a crash left half is noticed by its checksum. */
function replaceFile(file: OsPath, header: Uint32Array, parts: readonly Uint8Array[]): void {
  const temporary = temporaryPath(file);
  const fd = openSync(temporary, "wx", 0o600);
  try {
    const headerBytes = new Uint8Array(header.buffer);
    writeAll(fd, headerBytes);
    header.set(writeParts(fd, parts), 7);
    writeSync(fd, headerBytes, 0, headerBytes.length, 0);
    renameSync(temporary, file);
    removeLeft(file, dirname(file));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function bytesOf(numbers: BigUint64Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

function offsets(files: number, folders: number): { folders: number; digests: number; flags: number; texts: number } {
  const foldersAt = HEADER_BYTES + files * STAMP_FIELDS * 8;
  const digests = foldersAt + folders * FOLDER_NUMBERS * 8;
  const flags = digests + files * 16;
  return { folders: foldersAt, digests, flags, texts: flags + files };
}

/** Writes all parts, a megabyte at a time. @returns the {@link checksum} of all together, with zeros up to the next 8 bytes */
function writeParts(fd: number, parts: readonly Uint8Array[]): [number, number] {
  const size = wholeWords(parts.reduce((sum, part) => sum + part.length, 0));
  const piece = new Uint8Array(Math.min(PIECE_BYTES, size));
  let sums = begunSums(size);
  let used = 0;
  const flush = (): void => {
    const end = wholeWords(used);
    sums = addedSums(sums, piece.fill(0, used, end).subarray(0, end));
    writeAll(fd, piece, used);
    used = 0;
  };
  for (const part of parts)
    for (let at = 0; at < part.length;) {
      const count = Math.min(part.length - at, piece.length - used);
      piece.set(part.subarray(at, at + count), used);
      at += count;
      used += count;
      if (used === piece.length) flush();
    }
  if (used > 0) flush();
  return finishedSums(sums);
}

/** Up to the next 8 bytes. */
function wholeWords(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/** Two sums that notice changed, moved and missing words; some 1 ns a word. The length is a multiple of 4. */
function checksum(bytes: Uint8Array): [number, number] {
  return finishedSums(addedSums(begunSums(bytes.length), bytes));
}

function begunSums(size: number): [number, number] {
  return [0x9e3779b9 | 0, (size >> 2) | 0];
}

function addedSums([a, b]: readonly [number, number], bytes: Uint8Array): [number, number] {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  for (let i = 0; i < words.length; i++) {
    a = Math.imul(a ^ (words[i] as number), 0x01000193);
    b = (Math.imul(b, 31) + a) | 0;
  }
  return [a, b];
}

function finishedSums([a, b]: readonly [number, number]): [number, number] {
  return [a >>> 0, b >>> 0];
}
