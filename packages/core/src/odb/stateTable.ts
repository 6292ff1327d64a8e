import type { BigIntStats } from "node:fs";

/** The hashes that are remembered. */
export type StateHashName = "md5" | "md5-dos2unix";

/** What identifies a file in one condition. */
export type FileStamp = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs" | "ctimeNs">;

/** Numbers of a file's condition in a row of a column: device, inode, size, mtime in ns, ctime in ns. */
export const STAMP_FIELDS = 5;
/** 32-bit words of a record; see `state.ts` for what is in them. */
export const WORDS = 16;
export const KIND = 14;
export const MD5 = 10;

/** Records as they are now, in memory that other threads can read. Valid until the state is next written to. */
export interface StateTable {
  readonly words: Uint32Array;
  /** Open addressing: record number + 1, or 0. A power of two, at most half full. */
  readonly slots: Uint32Array;
}

/** Room for `length` words that other threads can read. */
export function sharedWords(length: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(length * 4));
}

/** A file's condition as the first ten words of a record. */
export class StateKey {
  readonly words: Uint32Array;
  readonly #numbers = new BigUint64Array(STAMP_FIELDS);

  constructor() {
    this.words = new Uint32Array(this.#numbers.buffer);
  }

  set(stat: FileStamp): void {
    const numbers = this.#numbers;
    numbers[0] = stat.dev;
    numbers[1] = stat.ino;
    numbers[2] = stat.size;
    numbers[3] = stat.mtimeNs;
    numbers[4] = stat.ctimeNs;
  }

  /** The same from a row of a column of five numbers. */
  setRow(stats: BigUint64Array, row: number): void {
    for (let i = 0; i < STAMP_FIELDS; i++) this.#numbers[i] = stats[row * STAMP_FIELDS + i] as bigint;
  }
}

/** The number of the record of this device, inode and kind, or -1. */
export function findRecord(words: Uint32Array, slots: Uint32Array, key: Uint32Array, kind: number): number {
  if (slots.length === 0) return -1;
  const mask = slots.length - 1;
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

/** Whether a record speaks of exactly this condition: size and times. */
export function isSameCondition(words: Uint32Array, record: number, key: Uint32Array): boolean {
  const at = record * WORDS;
  for (let i = 4; i < 10; i++) if (words[at + i] !== key[i]) return false;
  return true;
}

/** The hash in a record, 32 hex digits. */
export function hashOf(words: Uint32Array, record: number): string {
  const at = record * WORDS + MD5;
  return (
    hex8(words[at] as number) +
    hex8(words[at + 1] as number) +
    hex8(words[at + 2] as number) +
    hex8(words[at + 3] as number)
  );
}

/** Four bytes of a hash as a word of a record. */
export function wordAt(digest: Uint8Array, at: number): number {
  const byte = (i: number): number => digest[at + i] as number;
  return ((byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)) >>> 0;
}

/** The number that stands for a hash name in a record. */
export function kindOf(hashName: StateHashName): number {
  return hashName === "md5" ? 0 : 1;
}

/** Mixes device, inode and kind. */
export function slotOf(words: Uint32Array, at: number, kind: number): number {
  let h = Math.imul((words[at + 2] as number) ^ Math.imul((words[at + 3] as number) + kind, 0x85ebca6b), 0x9e3779b1);
  h ^= Math.imul(words[at] as number, 0xc2b2ae35) ^ (words[at + 1] as number);
  return (h ^ (h >>> 15)) >>> 0;
}

/** Asks a state from another thread. */
export class StateReader {
  readonly #table: StateTable;
  readonly #key = new StateKey();

  constructor(table: StateTable) {
    this.#table = table;
  }

  /** The hash recorded for exactly this file in exactly this condition. */
  lookup(stat: FileStamp, hashName: StateHashName): string | undefined {
    const { words, slots } = this.#table;
    this.#key.set(stat);
    const record = findRecord(words, slots, this.#key.words, kindOf(hashName));
    return record >= 0 && isSameCondition(words, record, this.#key.words) ? hashOf(words, record) : undefined;
  }
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
