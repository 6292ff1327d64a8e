import type { BigIntStats } from "node:fs";
import { chmodSync, closeSync, constants, copyFileSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";
import { removeQuietly, writeAll } from "../fs/atomic.ts";
import { md5File, newMd5 } from "../hash/md5.ts";
import type { LinkType } from "../odb/linker.ts";
import { Linker } from "../odb/linker.ts";
import { FileState, StampColumns } from "./applyColumns.ts";

/** A batch of files to build, as columns that two threads can share. Paths are built by whoever takes the file. */
export interface FileBatch {
  /** Folder of the cache's 256 folders. */
  readonly objects: OsPath;
  readonly oids: readonly string[];
  /** Absolute path of the folder that `names` start from, with "/" at its end. */
  readonly staging: string;
  /** Where each file is built, relative to `staging`. */
  readonly names: readonly string[];
  /** Bytes. */
  readonly sizes: Float64Array;
  /** 1: hash the object on the way. 2: set the execute bit. */
  readonly flags: Uint8Array;
  readonly linkTypes: readonly LinkType[];
  /** Permission bits of copies. */
  readonly fileMode: number;
  readonly shared: SharedColumns;
}

/** What the threads write: memory that both see. */
export interface SharedColumns {
  /** [0]: how many files were taken. [1]: stop. [2]: files done. */
  readonly control: Int32Array;
  /** A {@link FileState} for each file. */
  readonly states: Uint8Array;
  /** Five 64-bit numbers for each built file. */
  readonly built: BigInt64Array;
  /** The same for each object that was hashed; empty when none is. */
  readonly hashed: BigInt64Array;
}

export const VERIFY = 1;
export const EXEC = 2;

const CHUNK = 32;
const BUFFER_BYTES = 1 << 20;

/** Makes the columns for `count` files. */
export function sharedColumns(count: number, anyVerify: boolean): SharedColumns {
  return {
    control: new Int32Array(new SharedArrayBuffer(16)),
    states: new Uint8Array(new SharedArrayBuffer(count)),
    built: StampColumns.allocate(count),
    hashed: StampColumns.allocate(anyVerify ? count : 0),
  };
}

/**
 * Builds files of a batch, taking them in chunks until none is left or it is told to stop. One thread works from the front
 * and one from the back: two that create files in the same folder wait for each other.
 */
export class FileBuilder {
  readonly #batch: FileBatch;
  readonly #linker: Linker;
  readonly #built: StampColumns;
  readonly #hashed: StampColumns;
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly #fromBack: boolean;
  /** How many files this thread took. */
  #taken = 0;
  /** Of the file being built, for the copy that the linker may ask for. */
  #index = 0;

  constructor(batch: FileBatch, fromBack = false) {
    this.#batch = batch;
    this.#fromBack = fromBack;
    this.#built = new StampColumns(batch.shared.built);
    this.#hashed = new StampColumns(batch.shared.hashed);
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
    const count = this.#batch.oids.length;
    const before = Atomics.add(control, 0, CHUNK);
    if (before >= count || Atomics.load(control, 1) !== 0) return false;
    const share = Math.min(CHUNK, count - before);
    const from = this.#fromBack ? count - this.#taken - share : this.#taken;
    this.#taken += share;
    for (let index = from; index < from + share; index++) this.#build(index);
    Atomics.add(control, 2, share);
    return true;
  }

  #build(index: number): void {
    const { batch, object, target } = this.#paths(index);
    this.#index = index;
    const flags = batch.flags[index] as number;
    const states = batch.shared.states;
    const willCopy = batch.linkTypes[0] === "copy" || (batch.sizes[index] as number) < 16384;
    if (
      (flags & VERIFY) !== 0 &&
      !(willCopy && batch.linkTypes[0] !== "hardlink" && batch.linkTypes[0] !== "symlink")
    ) {
      if (!this.#verify(index, object)) return;
    }
    const used = this.#linker.place(
      { from: object, to: target, size: batch.sizes[index] as number, isexec: (flags & EXEC) !== 0 },
      "",
    );
    if (states[index] === FileState.Damaged) {
      removeQuietly(target);
      return;
    }
    if ((flags & EXEC) !== 0) chmodSync(target, batch.fileMode | 0o100);
    if (used !== "copy" || (flags & EXEC) !== 0 || !this.#built.has(index))
      this.#built.set(index, statSync(target, { bigint: true }));
    states[index] = FileState.Built;
  }

  #paths(index: number): { batch: FileBatch; object: OsPath; target: OsPath } {
    const batch = this.#batch;
    const oid = batch.oids[index] as string;
    const object = `${batch.objects}/${oid.slice(0, 2)}/${oid.slice(2)}`;
    return { batch, object, target: batch.staging + (batch.names[index] as string) };
  }

  /** Hashes an object before it is linked. */
  #verify(index: number, object: OsPath): boolean {
    const before = statSync(object, { bigint: true });
    if (md5File(object).md5 !== this.#batch.oids[index]) {
      this.#batch.shared.states[index] = FileState.Damaged;
      return false;
    }
    this.#hashed.set(index, before);
    (this.#batch.flags as { [at: number]: number })[index] = (this.#batch.flags[index] as number) & ~VERIFY;
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
    const buffer = this.#buffer;
    const before: BigIntStats | undefined = verify ? fstatSync(source, { bigint: true }) : undefined;
    const hash = verify ? newMd5() : undefined;
    let total = 0;
    for (;;) {
      const count = readSync(source, buffer, 0, buffer.length, null);
      if (count === 0) break;
      hash?.update(buffer.subarray(0, count));
      writeAll(target, buffer, count);
      total += count;
      if (count < buffer.length && total >= (this.#batch.sizes[index] as number)) break;
    }
    if (hash === undefined || before === undefined) {
      if (total !== this.#batch.sizes[index]) this.#batch.shared.states[index] = FileState.Damaged;
    } else if (hash.digest("hex") === this.#batch.oids[index]) this.#hashed.set(index, before);
    else this.#batch.shared.states[index] = FileState.Damaged;
  }
}
