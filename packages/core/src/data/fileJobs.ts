import type { RelPath } from "../base/paths.ts";
import { TextColumn } from "../base/textColumn.ts";
import { DIGEST, digestAt, writeDigest } from "../odb/oidColumn.ts";
import type { FileStamp } from "../odb/state.ts";

const TRUSTED = 1;
const NEW = 2;
/** Most relpaths of a large folder have fewer bytes. */
const USUAL_PATH = 32;

/** A file to put into the workspace. */
export interface FileJob {
  /** Relative to the output; "." for the output itself. */
  readonly rel: RelPath;
  readonly oid: string;
  /** Bytes; undefined when nobody has looked at the object yet: whoever builds the file does. */
  readonly size: number | undefined;
  /** The state vouches for the object's bytes; otherwise they are hashed on the way. */
  readonly trusted: boolean;
  /** What is there now and will be replaced; undefined for a new file. */
  readonly old: FileStamp | undefined;
  /** Nothing is there yet; also false of a file that comes where a folder is. */
  readonly isNew: boolean;
}

/** Paths of files, made when they are asked for. */
export interface FileNames extends Iterable<RelPath> {
  readonly length: number;
}

/** The files to put in place for an output, as columns: a million of them take 60 MB, as objects four times that. */
export class FileJobs implements Iterable<FileJob> {
  #relpaths: TextColumn = TextColumn.empty();
  #digests: Buffer = Buffer.alloc(0);
  #sizes = new Float64Array(0);
  /** {@link TRUSTED} and {@link NEW}. */
  #flags = new Uint8Array(0);
  #newFiles = 0;
  readonly #olds = new Map<number, FileStamp>();

  get length(): number {
    return this.#relpaths.length;
  }

  get relpaths(): TextColumn {
    return this.#relpaths;
  }

  /** Objects of the files, 16 bytes each, in memory that threads share. */
  get digests(): Buffer {
    return this.#digests.subarray(0, this.length * DIGEST);
  }

  /** Those that are new. */
  get created(): FileNames {
    const names = (): IterableIterator<RelPath> => this.#created();
    return { length: this.#newFiles, [Symbol.iterator]: names };
  }

  /** Makes room for so many files. */
  expect(count: number): void {
    if (this.length > 0) return;
    this.#grow(count);
    this.#relpaths = TextColumn.empty(count * USUAL_PATH, count);
  }

  add({ rel, oid, size, trusted, old, isNew }: FileJob): void {
    const row = this.length;
    this.#relpaths.push(rel);
    if (row === this.#sizes.length) this.#grow(Math.max(4, row * 2));
    writeDigest(this.#digests, row, oid);
    this.#sizes[row] = size ?? NaN;
    this.#flags[row] = (trusted ? TRUSTED : 0) | (isNew ? NEW : 0);
    if (isNew) this.#newFiles++;
    if (old !== undefined) this.#olds.set(row, old);
  }

  oid(row: number): string {
    return digestAt(this.#digests, row);
  }

  /** Bytes; undefined as in {@link FileJob}. */
  size(row: number): number | undefined {
    const size = this.#sizes[row] as number;
    return Number.isNaN(size) ? undefined : size;
  }

  isTrusted(row: number): boolean {
    return ((this.#flags[row] as number) & TRUSTED) !== 0;
  }

  old(row: number): FileStamp | undefined {
    return this.#olds.get(row);
  }

  *[Symbol.iterator](): IterableIterator<FileJob> {
    let row = 0;
    for (const rel of this.relpaths) {
      const isNew = this.#isNew(row);
      yield { rel, oid: this.oid(row), size: this.size(row), trusted: this.isTrusted(row), old: this.old(row), isNew };
      row++;
    }
  }

  *#created(): IterableIterator<RelPath> {
    let row = 0;
    for (const rel of this.relpaths) if (this.#isNew(row++)) yield rel;
  }

  #isNew(row: number): boolean {
    return ((this.#flags[row] as number) & NEW) !== 0;
  }

  #grow(rows: number): void {
    const digests = Buffer.from(new SharedArrayBuffer(rows * DIGEST));
    this.#digests.copy(digests);
    this.#digests = digests;
    const sizes = new Float64Array(rows);
    sizes.set(this.#sizes);
    this.#sizes = sizes;
    const flags = new Uint8Array(rows);
    flags.set(this.#flags);
    this.#flags = flags;
  }
}
