import type { BigIntStats } from "node:fs";
import { lstatSync, statSync } from "node:fs";
import { GRAIN_MS, isYoung } from "../base/clockGrain.ts";
import type { OsPath } from "../base/paths.ts";
import { CacheLooks } from "./cacheLooks.ts";
import { KeptManifests } from "./keptManifests.ts";
import { FolderRecords } from "./folderRecords.ts";
import { LinkRecords } from "./links.ts";
import type { FileIdentity } from "./stateFile.ts";
import { identityOf, readStateFile, writeStateFile } from "./stateFile.ts";
import type { FileStamp, StateHashName, StateTable } from "./stateTable.ts";
import { DIGEST } from "./oidColumn.ts";
import {
  findRecord,
  hashOf,
  isSameCondition,
  KIND,
  kindOf,
  MD5,
  sharedWords,
  slotOf,
  STAMP_FIELDS,
  StateKey,
  wordAt,
  WORDS,
} from "./stateTable.ts";

export type { FileStamp, StateHashName } from "./stateTable.ts";

/** What identifies a file in a certain condition. A `BigIntStats` is one. */
export type FileCondition = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs" | "ctimeNs">;

/** Files by row: five numbers (device, inode, size, mtime, ctime) and 16 bytes of md5 each. */
export interface StateColumns {
  readonly stats: BigUint64Array;
  readonly digests: Uint8Array;
}

/** Remembers which bytes a file held, so that an unchanged file is not hashed twice. Safe to delete. */
export interface State {
  /** The hash recorded for exactly this file in exactly this state (device, inode, size, mtime, ctime). */
  lookup(path: OsPath, stat: FileStamp, hashName?: StateHashName): string | undefined;
  /**
   * Records a hash. `asOf` is the time in ms since the epoch before the file was first looked at (default: now). A file
   * that changed within the clock's grain before `asOf` is not recorded: a later edit could bear the same time.
   */
  record(path: OsPath, stat: FileStamp, md5: string, hashName?: StateHashName, asOf?: number): void;
  /** {@link record} for a file in a row of columns. */
  recordRow(columns: StateColumns, row: number, asOf: number, hashName?: StateHashName): void;
  /** Makes room for so many records: the cheaper, the sooner it is told. */
  expect(count: number): void;
  /** Records, when the state is saved, a file that this process has itself just written and that nobody else edits. */
  recordWritten(path: OsPath, md5: string, hashName?: StateHashName): void;
  /** The records for other threads to read, until the next one is written. */
  share(): StateTable;
  /** Writes what is new, together with what other processes saved meanwhile. Failure to write is not an error. */
  save(): void;
  readonly links: LinkRecords;
  readonly folders: FolderRecords;
  readonly cacheLooks: CacheLooks;
  readonly manifests: KeptManifests;
}

/** Written files of at least this many bytes are worth waiting a tick for. */
const WORTH_WAITING = 8 * 1024 * 1024;
const DAY_MS = 86_400_000;
const KEEP_DAYS = 60;
const REFRESH_DAYS = 7;
const PRUNE_ABOVE = 200_000;
/** Records that room is made for at once, at most. */
const MOST_GROWTH = 250_000;

/*
 * A record, in 32-bit words: 0-1 device, 2-3 inode, 4-5 size, 6-7 mtime in ns, 8-9 ctime in ns, 10-13 md5, 14 kind (0
 * md5, 1 md5-dos2unix), 15 day of last use since the epoch.
 */
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
  readonly manifests: KeptManifests;
  readonly #file: OsPath | undefined;
  #words: Uint32Array = new Uint32Array(0);
  #count = 0;
  /** Open addressing: record number + 1, or 0. Always a power of two, at most half full. */
  #slots: Uint32Array = new Uint32Array(0);
  #identity: FileIdentity | undefined;
  #loaded = false;
  #dirty = false;
  /** 1 for records new or changed since the last save, so that a merge keeps ours. */
  #touched = new Uint8Array(0);
  #written: { path: OsPath; md5: string; hashName: StateHashName }[] = [];
  readonly #today = Math.floor(Date.now() / DAY_MS);
  readonly #key = new StateKey();

  constructor(file: OsPath | undefined) {
    this.#file = file;
    this.links = new LinkRecords(file === undefined ? "" : `${file}.links`);
    this.folders = new FolderRecords(file === undefined ? "" : `${file}.folders.d`);
    this.cacheLooks = new CacheLooks(file === undefined ? "" : `${file}.caches`);
    this.manifests = new KeptManifests(file === undefined ? "" : `${file}.manifests.d`);
  }

  lookup(_path: OsPath, stat: FileStamp, hashName: StateHashName = "md5"): string | undefined {
    // What this process has just written counts: the checkout of a pull asks about objects that it has just fetched.
    if (this.#written.length > 0) this.#recordWritten();
    this.#load();
    if (this.#count === 0) return undefined;
    this.#key.set(stat);
    const record = this.#find(kindOf(hashName));
    const words = this.#words;
    if (record < 0 || !isSameCondition(words, record, this.#key.words)) return undefined;
    const at = record * WORDS;
    if (this.#today - (words[at + DAY] as number) > REFRESH_DAYS) {
      words[at + DAY] = this.#today;
      this.#touch(record);
    }
    return hashOf(words, record);
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
    this.#key.set(stat);
    this.#put(md5, kindOf(hashName));
  }

  recordRow({ stats, digests }: StateColumns, row: number, asOf: number, hashName: StateHashName = "md5"): void {
    if (isYoung({ ctimeNs: stats[row * STAMP_FIELDS + 4] as bigint }, asOf)) return;
    this.#load();
    this.#key.setRow(stats, row);
    const at = this.#place(kindOf(hashName)) * WORDS + MD5;
    for (let word = 0; word < 4; word++) this.#words[at + word] = wordAt(digests, row * DIGEST + word * 4);
  }

  expect(count: number): void {
    this.#load(count);
    // A few more find room as others do: this copies all records.
    if (count * 4 > this.#count) this.#reserve(this.#count + count);
  }

  recordWritten(path: OsPath, md5: string, hashName: StateHashName = "md5"): void {
    this.#written.push({ path, md5, hashName });
  }

  share(): StateTable {
    if (this.#written.length > 0) this.#recordWritten();
    this.#load();
    return { words: this.#words, slots: this.#slots };
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
      this.#identity = writeStateFile(this.#file, this.#words.subarray(0, this.#count * WORDS));
      this.#dirty = false;
      this.#touched.fill(0);
    } catch {
      // Only speed is lost: a full disk or a read-only place must not fail the command.
    }
  }

  /** `more`: room for so many records besides, which costs a copy of all later. */
  #load(more = 0): void {
    if (this.#loaded) return;
    this.#loaded = true;
    if (this.#file === undefined) return;
    const { words, count, identity } = readStateFile(this.#file, more);
    this.#words = words;
    this.#count = count;
    this.#identity = identity;
    this.#reindex();
  }

  #reindex(): void {
    let size = 1024;
    while (size < (this.#words.length / WORDS) * 2) size *= 2;
    const slots = sharedWords(size);
    const words = this.#words;
    for (let record = 0; record < this.#count; record++) {
      const at = record * WORDS;
      let slot = slotOf(words, at, words[at + KIND] as number) & (size - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (size - 1);
      slots[slot] = record + 1;
    }
    this.#slots = slots;
  }

  /** The record of the device and inode in the key, or -1. */
  #find(kind: number): number {
    return findRecord(this.#words, this.#slots, this.#key.words, kind);
  }

  #put(md5: string, kind: number): void {
    const at = this.#place(kind) * WORDS + MD5;
    for (let i = 0; i < 4; i++) this.#words[at + i] = parseInt(md5.slice(i * 8, i * 8 + 8), 16);
  }

  /** The record of what is in the key, all but the hash filled in. */
  #place(kind: number): number {
    let record = this.#find(kind);
    if (record < 0) record = this.#append(kind);
    const at = record * WORDS;
    const words = this.#words;
    words.set(this.#key.words, at);
    words[at + KIND] = kind;
    words[at + DAY] = this.#today;
    this.#touch(record);
    return record;
  }

  #append(kind: number): number {
    const record = this.#count++;
    if (this.#words.length < this.#count * WORDS) this.#reserve(Math.max(1024, record + Math.min(record, MOST_GROWTH)));
    this.#words.set(this.#key.words, record * WORDS);
    this.#words[record * WORDS + KIND] = kind;
    if (this.#slots.length < this.#count * 2) {
      this.#reindex();
      return record;
    }
    const mask = this.#slots.length - 1;
    let slot = slotOf(this.#key.words, 0, kind) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = record + 1;
    return record;
  }

  #reserve(records: number): void {
    if (this.#words.length >= records * WORDS) return;
    const grown = sharedWords(records * WORDS);
    grown.set(this.#words.subarray(0, this.#count * WORDS));
    this.#words = grown;
  }

  #touch(record: number): void {
    if (record >= this.#touched.length) {
      const grown = new Uint8Array(this.#words.length / WORDS);
      grown.set(this.#touched);
      this.#touched = grown;
    }
    this.#touched[record] = 1;
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
      this.#key.words.set(theirs.words.subarray(at, at + 10));
      const kind = theirs.words[at + KIND] as number;
      let record = this.#find(kind);
      if (record >= 0 && this.#touched[record] === 1) continue;
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
    this.#touched.fill(0);
    this.#reindex();
  }
}
