import type { OsPath, RelPath } from "../base/paths.ts";
import { TextColumn } from "../base/textColumn.ts";
import type { FolderRecord } from "../odb/folderRecords.ts";
import type { FileCondition } from "../odb/state.ts";
import { DIGEST, digestAt, writeDigest } from "../odb/oidColumn.ts";
import { STAMP_FIELDS } from "../odb/stateTable.ts";
import { Tree } from "../odb/tree.ts";

/** Where the size stands among {@link STAMP_FIELDS}. */
export const SIZE = 2;

/**
 * The files of a build as columns of bytes: a million of them take 100 MB, as objects and strings ten times that. A column
 * that is put together from a record shares what nothing is written to.
 */
export class FileColumns {
  /** What comes before each relpath: the folder with "/" at the end, or the file. */
  readonly base: OsPath;
  readonly relpaths: TextColumn;
  /** Time in ms before the first file was looked at. */
  readonly asOf: number;
  stats: BigUint64Array;
  /** 16 bytes a file. */
  digests: Buffer;
  /** 1 where the hash is known or computed. */
  #known: Uint8Array;

  /** `asOf`: time in ms before the first file was looked at; default: now. */
  constructor(base: OsPath, asOf: number = Date.now(), filled?: FilledColumns) {
    this.base = base;
    this.asOf = asOf;
    this.relpaths = filled?.relpaths ?? TextColumn.empty();
    this.stats = filled?.stats ?? new BigUint64Array(64 * STAMP_FIELDS);
    this.digests = filled?.digests ?? Buffer.alloc(64 * DIGEST);
    this.#known = new Uint8Array(filled?.relpaths.length ?? 64).fill(filled === undefined ? 0 : 1);
  }

  /** Appends a file. */
  add(relpath: RelPath, stat: FileCondition, md5?: string): void {
    const index = this.#makeRoom(relpath);
    this.setStat(index, stat);
    if (md5 !== undefined) this.setHash(index, md5);
  }

  /** Notes the name of one more file. @returns its row */
  #makeRoom(relpath: RelPath): number {
    const index = this.relpaths.length;
    this.relpaths.push(relpath);
    if (this.#known.length <= index) {
      this.stats = grown(this.stats, new BigUint64Array(this.stats.length * 2));
      this.digests = grown(this.digests, Buffer.alloc(this.digests.length * 2));
      this.#known = grown(this.#known, new Uint8Array(this.#known.length * 2));
    }
    return index;
  }

  /** Appends a file in the condition and with the hash that stand in a row of a record. */
  addRow(relpath: RelPath, { stats, digests }: Pick<FolderRecord, "stats" | "digests">, row: number): void {
    const index = this.#makeRoom(relpath);
    for (let i = 0; i < STAMP_FIELDS; i++)
      this.stats[index * STAMP_FIELDS + i] = stats[row * STAMP_FIELDS + i] as bigint;
    this.setDigest(index, digests, row);
  }

  /** Replaces what is known of a file's condition. */
  setStat(index: number, stat: FileCondition): void {
    const at = index * STAMP_FIELDS;
    this.stats[at] = stat.dev;
    this.stats[at + 1] = stat.ino;
    this.stats[at + 2] = stat.size;
    this.stats[at + 3] = stat.mtimeNs;
    this.stats[at + 4] = stat.ctimeNs;
  }

  /** What {@link setStat} was told. */
  condition(index: number): FileCondition {
    const at = index * STAMP_FIELDS;
    const field = (i: number): bigint => this.stats[at + i] as bigint;
    return { dev: field(0), ino: field(1), size: field(2), mtimeNs: BigInt.asIntN(64, field(3)), ctimeNs: field(4) };
  }

  /** Whether the file is still in the condition recorded. */
  isSame(index: number, stat: FileCondition): boolean {
    return sameStat(this.stats, index, stat);
  }

  get count(): number {
    return this.relpaths.length;
  }

  path(index: number): OsPath {
    return this.base + this.relpaths.at(index);
  }

  /** Bytes. */
  size(index: number): number {
    return Number(this.stats[index * STAMP_FIELDS + SIZE]);
  }

  /** Bytes of all files. */
  get totalSize(): number {
    let sum = 0;
    for (let i = 0; i < this.count; i++) sum += this.size(i);
    return sum;
  }

  hasHash(index: number): boolean {
    return this.#known[index] === 1;
  }

  /** Notes a hash; undefined: it is not known. */
  setHash(index: number, md5: string | undefined): void {
    this.#known[index] = md5 === undefined ? 0 : 1;
    if (md5 !== undefined) writeDigest(this.digests, index, md5);
  }

  /** Notes the hash that stands in row `row` of other digests. */
  setDigest(index: number, digests: Uint8Array, row: number): void {
    this.#known[index] = 1;
    for (let i = 0; i < DIGEST; i++) this.digests[index * DIGEST + i] = digests[row * DIGEST + i] as number;
  }

  /** The hash, once it is known. */
  md5(index: number): string {
    if (this.#known[index] !== 1) throw new Error(`'${this.path(index)}' was not hashed`);
    return digestAt(this.digests, index);
  }

  /** The files with their hashes, in order. @throws when one is not known */
  get tree(): Tree {
    if (!this.isHashed) throw new Error(`not every file of '${this.base}' was hashed`);
    const { relpaths, stats, count } = this;
    const digests = this.digests.subarray(0, count * DIGEST);
    return Tree.fromWalk({ relpaths, digests, size: (row) => Number(stats[row * STAMP_FIELDS + SIZE]) });
  }

  /** Whether the hash of each file is known. */
  get isHashed(): boolean {
    const first = this.#known.indexOf(0);
    return first < 0 || first >= this.count;
  }
}

/** Columns of a record, every hash known. They are written to, but for the relpaths. */
export interface FilledColumns {
  readonly relpaths: TextColumn;
  readonly stats: BigUint64Array;
  readonly digests: Buffer;
}

function grown<T extends BigUint64Array | Uint8Array>(column: T, larger: T): T {
  larger.set(column as Uint8Array & BigUint64Array);
  return larger;
}

/** Whether `stat` has the fields that stand at `index` of a column of stats. */
export function sameStat(stats: BigUint64Array, index: number, stat: FileCondition): boolean {
  const at = index * STAMP_FIELDS;
  return (
    stats[at + 4] === stat.ctimeNs &&
    // Before 1970 it is below zero, which the column holds as what comes after all others.
    stats[at + 3] === (stat.mtimeNs < 0n ? BigInt.asUintN(64, stat.mtimeNs) : stat.mtimeNs) &&
    stats[at + 2] === stat.size &&
    stats[at + 1] === stat.ino &&
    stats[at] === stat.dev
  );
}
