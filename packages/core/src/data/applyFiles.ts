import type { BigIntStats } from "node:fs";
import { chmodSync, closeSync, constants, copyFileSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";
import { TextColumn, type TextShare } from "../base/textColumn.ts";
import { removeQuietly, writeAll } from "../fs/atomic.ts";
import { quickStat } from "../fs/quickStat.ts";
import { md5File, newMd5 } from "../hash/md5.ts";
import type { LinkType } from "../odb/linker.ts";
import { copiedBelow, Linker } from "../odb/linker.ts";
import { HAS_NAMES, IS_LINK } from "../odb/folderRecords.ts";
import { digestAt } from "../odb/oidColumn.ts";
import type { StateTable } from "../odb/stateTable.ts";
import { StateReader } from "../odb/stateTable.ts";
import { FileState, StampColumns } from "./applyColumns.ts";
import type { ReadObject } from "./objectLanes.ts";
import type { ObjectLanes } from "./objectLanes.ts";
import { ofFile } from "../base/ofFile.ts";

/** A batch of files to build, as columns that two threads can share. Paths are built by whoever takes the file. */
export interface FileBatch {
  /** Folder of the cache's 256 folders. */
  readonly objects: OsPath;
  /** 16 bytes a file. */
  readonly digests: Uint8Array;
  /** Absolute path of the folder that `names` start from, with "/" at its end. */
  readonly staging: string;
  /** Where each file is built, relative to `staging`. */
  readonly names: TextShare;
  /** Bytes; filled in where {@link LOOK} is set. */
  readonly sizes: Float64Array;
  /** Sum of {@link VERIFY}, {@link EXEC}, {@link LOOK}. */
  readonly flags: Uint8Array;
  /** Which objects the state vouches for, for those with {@link LOOK}. */
  readonly known: StateTable | undefined;
  readonly linkTypes: readonly LinkType[];
  /** Permission bits of copies. */
  readonly fileMode: number;
  readonly shared: SharedColumns;
}

/** What the threads write: memory that both see. */
export interface SharedColumns {
  /** See {@link Control}. */
  readonly control: Int32Array;
  /** A {@link FileState} for each file. */
  readonly states: Uint8Array;
  /** Five 64-bit numbers for each built file. */
  readonly built: BigInt64Array;
  /** The same for each object that was hashed; empty when none is. */
  readonly hashed: BigInt64Array;
  /** For each built file `IS_LINK` or `HAS_NAMES` of odb/folderRecords.ts, or 0. */
  readonly links: Uint8Array;
}

/** Hash the object on the way. */
export const VERIFY = 1;
/** Set the execute bit. */
export const EXEC = 2;
/** Nobody has looked at the object yet. */
export const LOOK = 4;

/**
 * Of more files the small objects that were copied are not noted: each of them would take 100 bytes of memory, and is read
 * and hashed by the next copy in the time that it takes to ask.
 */
export const MOST_NOTED = 250_000;

const CHUNK = 32;
const BUFFER_BYTES = 1 << 20;
/** Type and mode of an object that nobody has touched. */
const REGULAR_OBJECT = 0o100444n;
/** Indexes of {@link SharedColumns.control}. */
export const Control = { taken: 0, stop: 1, done: 2 } as const;

/** Makes the columns for `count` files; memory that `isShared` with other threads takes longer to get. */
export function sharedColumns(count: number, anyVerify: boolean, isShared: boolean): SharedColumns {
  const allocate = (bytes: number): ArrayBuffer => memory(bytes, isShared);
  return {
    control: new Int32Array(allocate(16)),
    states: new Uint8Array(allocate(count)),
    built: StampColumns.allocate(count, allocate),
    hashed: StampColumns.allocate(anyVerify ? count : 0, allocate),
    links: new Uint8Array(allocate(count)),
  };
}

/** Zeroed memory. */
export function memory(bytes: number, isShared: boolean): ArrayBuffer {
  return isShared ? (new SharedArrayBuffer(bytes) as unknown as ArrayBuffer) : new ArrayBuffer(bytes);
}

/**
 * Builds files of a batch, taking them in chunks until none is left or it is told to stop. One thread works from the front
 * and one from the back: two that create files in the same folder wait for each other.
 */
export class FileBuilder {
  readonly #batch: FileBatch;
  readonly #names: TextColumn;
  readonly #digests: Buffer;
  readonly #linker: Linker;
  readonly #built: StampColumns;
  readonly #hashed: StampColumns;
  readonly #lanes: ObjectLanes;
  readonly #state: StateReader | undefined;
  /** Smaller objects are copied, not linked. */
  readonly #copiedBelow: number;
  #buffer: Buffer | undefined;
  readonly #fromBack: boolean;
  /** How many files this thread took. */
  #taken = 0;
  /** The object that was last looked at, before its bytes were judged. */
  #seen: { readonly index: number; readonly stat: BigIntStats } | undefined;
  /** Of the file being built, for the copy that the linker may ask for. */
  #index = 0;

  constructor(batch: FileBatch, lanes: ObjectLanes, fromBack = false) {
    this.#batch = batch;
    this.#names = TextColumn.over(batch.names);
    const { buffer, byteOffset, byteLength } = batch.digests;
    this.#digests = Buffer.from(buffer, byteOffset, byteLength);
    this.#lanes = lanes;
    this.#fromBack = fromBack;
    this.#built = new StampColumns(batch.shared.built);
    this.#hashed = new StampColumns(batch.shared.hashed);
    this.#state = batch.known === undefined ? undefined : new StateReader(batch.known);
    this.#copiedBelow = copiedBelow(batch.linkTypes);
    this.#linker = new Linker(
      batch.linkTypes,
      (from, to) => {
        this.#copy(from, to);
      },
      batch.fileMode,
    );
  }

  /**
   * Builds the next few files. False when there is nothing left to take.
   * @throws what creating a file threw: a full disk, no possible link type. Damaged objects are not errors but states.
   */
  step(): boolean {
    const { control } = this.#batch.shared;
    const count = this.#names.length;
    const before = Atomics.add(control, Control.taken, CHUNK);
    if (before >= count || Atomics.load(control, Control.stop) !== 0) return false;
    const share = Math.min(CHUNK, count - before);
    const from = this.#fromBack ? count - this.#taken - share : this.#taken;
    this.#taken += share;
    for (let index = from; index < from + share; index++) {
      this.#begin(index);
      if (this.#lanes.isFull) this.#finish();
    }
    this.#finish();
    Atomics.add(control, Control.done, share);
    return true;
  }

  /** Builds one file whose object was looked at closely. */
  buildOne(index: number): void {
    this.#begin(index);
    this.#finish();
  }

  /** Builds a file, or reads its object so that {@link #finish} can. */
  #begin(index: number): void {
    const { flags, sizes } = this.#batch;
    const object = this.#objectOf(index);
    // A copy opens its object anyway, and can look at it then.
    if (((flags[index] as number) & LOOK) !== 0 && this.#copiedBelow === 0 && !this.#look(index, object)) return;
    const unsure = ((flags[index] as number) & (VERIFY | LOOK)) !== 0;
    if (!unsure || (sizes[index] as number) >= this.#lanes.capacity) {
      this.#build(index, object);
      return;
    }
    let source: number;
    try {
      source = openSync(object, "r");
    } catch (error) {
      if (((flags[index] as number) & LOOK) === 0 || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      this.#doubt(index, true);
      return;
    }
    let isRead: boolean;
    try {
      const stat = fstatSync(source, { bigint: true });
      if (((flags[index] as number) & LOOK) !== 0 && !this.#admit(index, stat)) return;
      const size = sizes[index] as number;
      isRead =
        ((flags[index] as number) & VERIFY) !== 0 &&
        size < this.#lanes.capacity &&
        ofFile(object, () => this.#lanes.read(index, source, stat));
    } finally {
      closeSync(source);
    }
    if (!isRead) this.#build(index, object);
  }

  /** Looks at an object by its name. False when it is missing or odd. */
  #look(index: number, object: OsPath): boolean {
    const stat = statSync(object, { bigint: true, throwIfNoEntry: false });
    if (stat !== undefined) return this.#admit(index, stat);
    this.#doubt(index, true);
    return false;
  }

  /** Notes what was seen of an object. False when it is odd. */
  #admit(index: number, stat: BigIntStats): boolean {
    const { flags, sizes } = this.#batch;
    if (stat.mode !== REGULAR_OBJECT) {
      this.#doubt(index, false);
      return false;
    }
    sizes[index] = Number(stat.size);
    this.#seen = { index, stat };
    // What is read anyway is hashed in less time than it takes to ask.
    const isRead = stat.size < this.#copiedBelow && stat.size < this.#lanes.capacity;
    const isKnown = !isRead && this.#state?.lookup(stat, "md5") === this.#oidOf(index);
    flags[index] = ((flags[index] as number) & ~LOOK) | (isKnown ? 0 : VERIFY);
    return true;
  }

  /** Leaves a file to a closer look. Nothing more is built when an object is missing: it would be in vain. */
  #doubt(index: number, isMissing: boolean): void {
    this.#batch.shared.states[index] = FileState.Doubtful;
    if (isMissing) Atomics.store(this.#batch.shared.control, Control.stop, 1);
  }

  /** Builds the files whose objects were read. */
  #finish(): void {
    this.#lanes.drain((read) => {
      this.#finishOne(read);
    });
  }

  #finishOne({ index, before, bytes, count, md5 }: ReadObject): void {
    const { flags, shared } = this.#batch;
    if (md5 !== this.#oidOf(index)) {
      shared.states[index] = FileState.Damaged;
      return;
    }
    this.#seen = { index, stat: before };
    if (count >= this.#copiedBelow || shared.states.length <= MOST_NOTED) this.#hashed.set(index, before);
    flags[index] = (flags[index] as number) & ~VERIFY;
    if (count >= this.#copiedBelow || flags[index] !== 0) {
      this.#build(index, this.#objectOf(index));
      return;
    }
    const target = openSync(this.#targetOf(index), "wx");
    try {
      writeAll(target, bytes, count);
      this.#built.set(index, fstatSync(target, { bigint: true }));
    } finally {
      closeSync(target);
    }
    shared.states[index] = FileState.Built;
  }

  #build(index: number, object: OsPath): void {
    const batch = this.#batch;
    const target = this.#targetOf(index);
    this.#index = index;
    const flags = batch.flags[index] as number;
    const size = batch.sizes[index] as number;
    const states = batch.shared.states;
    if ((flags & VERIFY) !== 0 && size >= this.#copiedBelow && !this.#verify(index, object)) return;
    const used = this.#linker.place({ from: object, to: target, size, isexec: (flags & EXEC) !== 0 }, "");
    if (states[index] === FileState.Damaged) {
      removeQuietly(target);
      return;
    }
    if ((flags & EXEC) !== 0) chmodSync(target, batch.fileMode | 0o100);
    if (used === "symlink") batch.shared.links[index] = IS_LINK;
    if (used === "hardlink") batch.shared.links[index] = HAS_NAMES;
    const isNoted = used === "copy" && (flags & EXEC) === 0 && this.#built.has(index);
    // A symlink changes nothing of the object, which was looked at before it was judged.
    if (used === "symlink" && this.#seen?.index === index) this.#built.set(index, this.#seen.stat);
    else if (!isNoted) this.#note(index, target, used === "symlink");
    states[index] = FileState.Built;
  }

  /** Notes the condition of a file that was built. */
  #note(index: number, target: OsPath, isLink: boolean): void {
    const quick = isLink ? undefined : quickStat(this.#names.length, target);
    if (quick === undefined || !this.#built.setQuickly(index, quick, target))
      this.#built.set(index, statSync(target, { bigint: true }));
  }

  #oidOf(index: number): string {
    return digestAt(this.#digests, index);
  }

  #targetOf(index: number): OsPath {
    return this.#batch.staging + this.#names.at(index);
  }

  #objectOf(index: number): OsPath {
    const oid = this.#oidOf(index);
    return `${this.#batch.objects}/${oid.slice(0, 2)}/${oid.slice(2)}`;
  }

  /** Hashes an object before it is linked. */
  #verify(index: number, object: OsPath): boolean {
    const before = statSync(object, { bigint: true });
    if (md5File(object).md5 !== this.#oidOf(index)) {
      this.#batch.shared.states[index] = FileState.Damaged;
      return false;
    }
    this.#seen = { index, stat: before };
    this.#hashed.set(index, before);
    this.#batch.flags[index] = (this.#batch.flags[index] as number) & ~VERIFY;
    return true;
  }

  /** Copies an object into a new file, hashing it on the way when it is not trusted. */
  #copy(from: OsPath, to: OsPath): void {
    const index = this.#index;
    const verify = ((this.#batch.flags[index] as number) & VERIFY) !== 0;
    if (!verify && (this.#batch.sizes[index] as number) > BUFFER_BYTES) {
      // The kernel copies large files faster than we can; the mode of the object is not wanted.
      copyFileSync(from, to, constants.COPYFILE_EXCL);
      chmodSync(to, this.#batch.fileMode);
      return;
    }
    const source = openSync(from, "r");
    try {
      const target = openSync(to, "wx");
      try {
        this.#pump(index, source, target, verify);
        this.#built.set(index, fstatSync(target, { bigint: true }));
      } finally {
        closeSync(target);
      }
    } finally {
      closeSync(source);
    }
  }

  #pump(index: number, source: number, target: number, verify: boolean): void {
    const buffer = (this.#buffer ??= Buffer.allocUnsafeSlow(BUFFER_BYTES));
    const before: BigIntStats | undefined = verify ? fstatSync(source, { bigint: true }) : undefined;
    const hash = verify ? newMd5() : undefined;
    let total = 0;
    for (;;) {
      const count = ofFile(this.#objectOf(index), () => readSync(source, buffer, 0, buffer.length, null));
      if (count === 0) break;
      hash?.update(buffer.subarray(0, count));
      writeAll(target, buffer, count);
      total += count;
      if (count < buffer.length && total >= (this.#batch.sizes[index] as number)) break;
    }
    if (hash === undefined || before === undefined) {
      if (total !== this.#batch.sizes[index]) this.#batch.shared.states[index] = FileState.Damaged;
    } else if (hash.digest("hex") === this.#oidOf(index)) this.#hashed.set(index, before);
    else this.#batch.shared.states[index] = FileState.Damaged;
  }
}
