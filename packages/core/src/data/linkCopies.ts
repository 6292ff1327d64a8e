import { closeSync, lstatSync, openSync, readSync, renameSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ofFile } from "../base/ofFile.ts";
import type { OsPath } from "../base/paths.ts";
import { removeLeft, removeQuietly, syncFolder, temporaryPath, writeAll } from "../fs/atomic.ts";
import type { HeldFolders } from "../fs/heldFolders.ts";
import { FLUSH_SINGLY, syncFile, syncFileSystem } from "../odb/durable.ts";
import { type FileIdentity, sameFile } from "../odb/objectDb.ts";

const BLOCK_BYTES = 1 << 20;
/** Made at the first copy; never used by two at a time. */
let block: Buffer | undefined;
/** So many copies are flushed together, twice as many each time: a short run that is killed leaves little, a long one flushes seldom. */
const FIRST_FILES = 250;
const MOST_FILES = 4000;

/** A copy beside its link. */
interface Waiting {
  readonly path: OsPath;
  /** The copy's, in the same folder. */
  readonly name: string;
  readonly mode: number;
  /** Number of the link itself. */
  readonly link: bigint;
  readonly target: FileIdentity;
}

/**
 * Writable copies of what links lead to, which take the places of the links once their bytes are safe on disk: a kill or a
 * power loss leaves the link or the whole copy.
 */
export class LinkCopies {
  readonly #held: HeldFolders;
  #waiting: Waiting[] = [];
  #due = FIRST_FILES;
  /** With new names that are not flushed yet. */
  readonly #folders = new Set<OsPath>();

  constructor(held: HeldFolders) {
    this.#held = held;
  }

  /** Copies what a link leads to. @throws the file system's error */
  add(path: OsPath, mode: number): void {
    this.#held.in(path, (at) => {
      const link = lstatSync(at, { bigint: true }).ino;
      const { dev, ino, size, mtimeNs } = statSync(at, { bigint: true });
      // A killed run's of the same file: the next `add` of its folder would take it for data.
      removeLeft(at, dirname(path));
      const temporary = temporaryPath(at);
      try {
        copyContents(at, temporary, mode);
      } catch (error) {
        removeQuietly(temporary);
        throw error;
      }
      this.#waiting.push({ path, name: basename(temporary), mode, link, target: { dev, ino, size, mtimeNs } });
    });
    if (this.#waiting.length < this.#due) return;
    this.#due = Math.min(2 * this.#due, MOST_FILES);
    this.#give();
  }

  /** Gives all that wait their places, and makes those last. @throws the file system's error */
  finish(): void {
    this.#give();
    const folders = [...this.#folders];
    this.#folders.clear();
    if (folders.length > FLUSH_SINGLY && syncFileSystem(folders[0] as OsPath)) return;
    for (const folder of folders) syncFolder(folder);
  }

  /** Removes the copies that wait: their links stay. */
  discard(): void {
    for (const { path, name } of this.#waiting) {
      try {
        this.#held.in(path, (at) => {
          removeQuietly(join(dirname(at), name));
        });
      } catch {
        // Its folder is gone, or another one.
      }
    }
    this.#waiting = [];
  }

  #give(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const isFlushed = this.#waiting.length > FLUSH_SINGLY && syncFileSystem(dirname(first.path));
    if (!isFlushed)
      for (const { path, name } of this.#waiting)
        this.#held.in(path, (at) => {
          syncFile(join(dirname(at), name));
        });
    for (let one = this.#waiting[0]; one !== undefined; one = this.#waiting[0]) {
      this.#giveOne(one);
      this.#waiting.shift();
    }
  }

  #giveOne({ path, name, mode, link, target }: Waiting): void {
    this.#held.in(path, (at) => {
      const temporary = join(dirname(at), name);
      // What somebody put in the place of the link stays.
      const isStill = lstatSync(at, { bigint: true, throwIfNoEntry: false })?.ino === link;
      const now = isStill ? statSync(at, { bigint: true, throwIfNoEntry: false }) : undefined;
      const isEdited = now !== undefined && !sameFile(now, target);
      if (isStill && !isEdited) renameSync(temporary, at);
      else removeQuietly(temporary);
      this.#folders.add(dirname(path));
      if (isEdited) replaceByCopy(path, mode, this.#held);
    });
  }
}

/** Puts a writable copy of what a link leads to in its place, in one step. @throws the file system's error; the link stays then */
export function replaceByCopy(path: OsPath, mode: number, held: HeldFolders): void {
  held.in(path, (at) => {
    const temporary = temporaryPath(at);
    try {
      copyContents(at, temporary, mode);
      renameSync(temporary, at);
    } catch (error) {
      removeQuietly(temporary);
      throw error;
    }
    // Of the same file: the next `add` of its folder would take it for data.
    removeLeft(at, dirname(path));
  });
}

function copyContents(from: OsPath, to: OsPath, mode: number): void {
  const source = openSync(from, "r");
  try {
    const target = openSync(to, "wx", mode);
    try {
      const buffer = (block ??= Buffer.allocUnsafeSlow(BLOCK_BYTES));
      for (let count; (count = ofFile(from, () => readSync(source, buffer, 0, BLOCK_BYTES, null))) > 0;)
        writeAll(target, buffer, count);
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}
