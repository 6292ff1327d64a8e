import type { BigIntStats } from "node:fs";
import { lstatSync, statSync } from "node:fs";
import { GRAIN_MS, isYoung } from "../base/clockGrain.ts";
import type { OsPath } from "../base/paths.ts";
import { CacheLooks } from "./cacheLooks.ts";
import { FolderRecords } from "./folderRecords.ts";
import { LinkRecords } from "./links.ts";
import type { FileIdentity } from "./stateFile.ts";
import { identityOf, readStateFile, RECORD_BYTES, writeStateFile } from "./stateFile.ts";

/** The hashes that are remembered. */
export type StateHashName = "md5" | "md5-dos2unix";

/** What identifies a file in one condition. */
export type FileStamp = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs" | "ctimeNs">;

/** What identifies a file in a certain condition. A `BigIntStats` is one. */
export type FileCondition = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs" | "ctimeNs">;

/** Remembers which bytes a file held, so that an unchanged file is not hashed twice. Safe to delete. */
export interface State {
  /** The hash recorded for exactly this file in exactly this state (device, inode, size, mtime, ctime). */
  lookup(path: OsPath, stat: FileStamp, hashName?: StateHashName): string | undefined;
  /**
   * Records a hash. `asOf` is the time in ms since the epoch before the file was first looked at (default: now). A file
   * that changed within the clock's grain before `asOf` is not recorded: a later edit could bear the same time.
   */
  record(path: OsPath, stat: FileStamp, md5: string, hashName?: StateHashName, asOf?: number): void;
  /** Records, when the state is saved, a file that this process has itself just written and that nobody else edits. */
  recordWritten(path: OsPath, md5: string, hashName?: StateHashName): void;
  /** Writes what is new, together with what other processes saved meanwhile. Failure to write is not an error. */
  save(): void;
  readonly links: LinkRecords;
  readonly folders: FolderRecords;
  readonly cacheLooks: CacheLooks;
}

const WORDS = RECORD_BYTES / 4;
/** Written files of at least this many bytes are worth waiting a tick for. */
const WORTH_WAITING = 8 * 1024 * 1024;
const DAY_MS = 86_400_000;
const KEEP_DAYS = 60;
const REFRESH_DAYS = 7;
const PRUNE_ABOVE = 200_000;

/*
 * A record, in 32-bit words: 0-1 device, 2-3 inode, 4-5 size, 6-7 mtime in ns, 8-9 ctime in ns, 10-13 md5, 14 kind (0
 * md5, 1 md5-dos2unix), 15 day of last use since the epoch.
 */
const KIND = 14;
const DAY = 15;

/** Opens the state kept in `file`; its records are read when the first is asked for. */
export function openState(file: OsPath): State {
  return new FileState(file);
}

/** A state that remembers only while the process runs. */
export function memoryState(): State {
  return new FileState(undefined);
}

class FileState implements State {
  readonly links: LinkRecords;
  readonly folders: FolderRecords;
  readonly cacheLooks: CacheLooks;
  readonly #file: OsPath | undefined;
  #words: Uint32Array = new Uint32Array(0);
  #count = 0;
  /** Open addressing: record number + 1, or 0. Always a power of two, at most half full. */
  #slots: Uint32Array = new Uint32Array(0);
  #identity: FileIdentity | undefined;
  #loaded = false;
  #dirty = false;
  /** Records new or changed since the last save, so that a merge keeps ours. */
  #touched = new Set<number>();
  #written: { path: OsPath; md5: string; hashName: StateHashName }[] = [];
  readonly #today = Math.floor(Date.now() / DAY_MS);
  /** One stat's fields, written as 64-bit and read as 32-bit words. */
  readonly #key64 = new BigUint64Array(5);
  readonly #key32: Uint32Array = new Uint32Array(this.#key64.buffer);

  constructor(file: OsPath | undefined) {
    this.#file = file;
    this.links = new LinkRecords(file === undefined ? "" : `${file}.links`);
    this.folders = new FolderRecords(file === undefined ? "" : `${file}.folders.d`);
    this.cacheLooks = new CacheLooks(file === undefined ? "" : `${file}.caches`);
  }

  lookup(_path: OsPath, stat: FileStamp, hashName: StateHashName = "md5"): string | undefined {
    // What this process has just written counts: the checkout of a pull asks about objects that it has just fetched.
    if (this.#written.length > 0) this.#recordWritten();
    this.#load();
    if (this.#count === 0) return undefined;
    this.#setKey(stat);
    const record = this.#find(kindOf(hashName));
    if (record < 0) return undefined;
    const at = record * WORDS;
    const words = this.#words;
    const key = this.#key32;
    for (let i = 4; i < 10; i++) if (words[at + i] !== key[i]) return undefined;
    if (this.#today - (words[at + DAY] as number) > REFRESH_DAYS) {
      words[at + DAY] = this.#today;
      this.#touch(record);
    }
    return hexOf(words, at + 10);
  }

  record(
    _path: OsPath,
    stat: FileStamp,
    md5: string,
    hashName: StateHashName = "md5",
    asOf: number = Date.now(),
  ): void {
    if (isYoung(stat, asOf)) return;
    this.#load();
    this.#setKey(stat);
    this.#put(md5, kindOf(hashName));
  }

  recordWritten(path: OsPath, md5: string, hashName: StateHashName = "md5"): void {
    this.#written.push({ path, md5, hashName });
  }

  save(): void {
    try {
      this.#recordWritten();
      if (this.#file === undefined) return;
      this.links.save();
      this.folders.save();
      this.cacheLooks.save();
      if (!this.#dirty) return;
      this.#merge(this.#file);
      this.#prune();
      this.#identity = writeStateFile(this.#file, this.#words.slice(0, this.#count * WORDS));
      this.#dirty = false;
      this.#touched.clear();
    } catch {
      // Only speed is lost: a full disk or a read-only place must not fail the command.
    }
  }

  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    if (this.#file === undefined) return;
    const { words, count, identity } = readStateFile(this.#file);
    this.#words = words;
    this.#count = count;
    this.#identity = identity;
    this.#reindex();
  }

  #reindex(): void {
    let size = 1024;
    while (size < this.#count * 2) size *= 2;
    const slots = new Uint32Array(size);
    const words = this.#words;
    for (let record = 0; record < this.#count; record++) {
      const at = record * WORDS;
      let slot = slotOf(words, at, words[at + KIND] as number) & (size - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (size - 1);
      slots[slot] = record + 1;
    }
    this.#slots = slots;
  }

  #setKey(stat: FileStamp): void {
    const key = this.#key64;
    key[0] = stat.dev;
    key[1] = stat.ino;
    key[2] = stat.size;
    key[3] = stat.mtimeNs;
    key[4] = stat.ctimeNs;
  }

  /** The record of the device and inode in the key, or -1. */
  #find(kind: number): number {
    const slots = this.#slots;
    if (slots.length === 0) return -1;
    const mask = slots.length - 1;
    const key = this.#key32;
    const words = this.#words;
    for (let slot = slotOf(key, 0, kind) & mask; ; slot = (slot + 1) & mask) {
      const record = (slots[slot] as number) - 1;
      if (record < 0) return -1;
      const at = record * WORDS;
      if (
        words[at + 2] === key[2] &&
        words[at + 3] === key[3] &&
        words[at] === key[0] &&
        words[at + 1] === key[1] &&
        words[at + KIND] === kind
      )
        return record;
    }
  }

  #put(md5: string, kind: number): void {
    let record = this.#find(kind);
    if (record < 0) record = this.#append(kind);
    const at = record * WORDS;
    const words = this.#words;
    words.set(this.#key32, at);
    for (let i = 0; i < 4; i++) words[at + 10 + i] = parseInt(md5.slice(i * 8, i * 8 + 8), 16);
    words[at + KIND] = kind;
    words[at + DAY] = this.#today;
    this.#touch(record);
  }

  #append(kind: number): number {
    const record = this.#count++;
    if (this.#words.length < this.#count * WORDS) {
      const grown = new Uint32Array(Math.max(1024, this.#count * 2) * WORDS);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words.set(this.#key32, record * WORDS);
    this.#words[record * WORDS + KIND] = kind;
    if (this.#slots.length < this.#count * 2) {
      this.#reindex();
      return record;
    }
    const mask = this.#slots.length - 1;
    let slot = slotOf(this.#key32, 0, kind) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = record + 1;
    return record;
  }

  #touch(record: number): void {
    this.#touched.add(record);
    this.#dirty = true;
  }

  #recordWritten(): void {
    const written = this.#written;
    this.#written = [];
    if (written.length === 0) return;
    this.#load();
    for (const { path, md5, hashName } of written) {
      let stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) continue;
      if (isYoung(stat, Date.now()) && Number(stat.size) >= WORTH_WAITING) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, GRAIN_MS + 2);
        stat = lstatSync(path, { bigint: true });
      }
      this.record(path, stat, md5, hashName);
    }
  }

  /** Takes in what another process saved since we read the file; what we touched stays ours. */
  #merge(file: OsPath): void {
    const now = identityOf(file);
    const old = this.#identity;
    if (now === undefined || (old?.ino === now.ino && old.mtimeNs === now.mtimeNs && old.size === now.size)) return;
    const theirs = readStateFile(file);
    for (let i = 0; i < theirs.count; i++) {
      const at = i * WORDS;
      this.#key32.set(theirs.words.subarray(at, at + 10));
      const kind = theirs.words[at + KIND] as number;
      let record = this.#find(kind);
      if (record >= 0 && this.#touched.has(record)) continue;
      if (record < 0) record = this.#append(kind);
      this.#words.set(theirs.words.subarray(at, at + WORDS), record * WORDS);
    }
  }

  /** Forgets, in a large state, what was not used for two months: files long gone. */
  #prune(): void {
    if (this.#count <= PRUNE_ABOVE) return;
    const words = this.#words;
    let kept = 0;
    for (let record = 0; record < this.#count; record++) {
      const at = record * WORDS;
      if (this.#today - (words[at + DAY] as number) > KEEP_DAYS) continue;
      if (kept !== record) words.copyWithin(kept * WORDS, at, at + WORDS);
      kept++;
    }
    if (kept === this.#count) return;
    this.#count = kept;
    this.#touched.clear();
    this.#reindex();
  }
}

function kindOf(hashName: StateHashName): number {
  return hashName === "md5" ? 0 : 1;
}

/** Mixes device, inode and kind. */
function slotOf(words: Uint32Array, at: number, kind: number): number {
  let h = Math.imul((words[at + 2] as number) ^ Math.imul((words[at + 3] as number) + kind, 0x85ebca6b), 0x9e3779b1);
  h ^= Math.imul(words[at] as number, 0xc2b2ae35) ^ (words[at + 1] as number);
  return (h ^ (h >>> 15)) >>> 0;
}

function hexOf(words: Uint32Array, at: number): string {
  return (
    hex8(words[at] as number) +
    hex8(words[at + 1] as number) +
    hex8(words[at + 2] as number) +
    hex8(words[at + 3] as number)
  );
}

const HEX2: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

/** Eight hex digits, by table: twice as fast as padded `toString(16)`. */
function hex8(word: number): string {
  return (
    (HEX2[word >>> 24] as string) +
    (HEX2[(word >>> 16) & 255] as string) +
    (HEX2[(word >>> 8) & 255] as string) +
    (HEX2[word & 255] as string)
  );
}
