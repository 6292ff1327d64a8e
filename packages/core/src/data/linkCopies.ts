import { closeSync, lstatSync, openSync, readSync, renameSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ofFile } from "../base/ofFile.ts";
import type { OsPath } from "../base/paths.ts";
import { removeLeft, removeQuietly, temporaryPath, writeAll } from "../fs/atomic.ts";
import type { HeldFolders } from "../fs/heldFolders.ts";
import { NamesToGive } from "../odb/namesToGive.ts";
import { type FileIdentity, sameFile } from "../odb/objectFile.ts";

const BLOCK_BYTES = 1 << 20;
/** Made at the first copy; never used by two at a time. */
let block: Buffer | undefined;

/** A link whose copy waits beside it. */
interface Copied {
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
  readonly #names: NamesToGive;
  /** Those that wait, by path. */
  readonly #copied = new Map<OsPath, Copied>();

  constructor(held: HeldFolders) {
    this.#held = held;
    this.#names = new NamesToGive({
      rename: (temporary, path) => {
        this.#replace(temporary, path);
      },
    });
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
      this.#copied.set(path, { mode, link, target: { dev, ino, size, mtimeNs } });
      this.#names.add({ temporary: join(dirname(path), basename(temporary)), path, size: Number(size) });
    });
    this.#names.flushNowWhenDue();
  }

  /** Gives all that wait their places, and makes those last. @throws the file system's error */
  finish(): void {
    this.#names.finishNow();
  }

  /** Removes the copies that wait: their links stay. */
  discard(): void {
    this.#names.discard();
  }

  #replace(temporary: OsPath, path: OsPath): void {
    const copied = this.#copied.get(path) as Copied;
    this.#copied.delete(path);
    this.#held.in(path, (at) => {
      const copy = join(dirname(at), basename(temporary));
      // What somebody put in the place of the link stays.
      const isStill = lstatSync(at, { bigint: true, throwIfNoEntry: false })?.ino === copied.link;
      const now = isStill ? statSync(at, { bigint: true, throwIfNoEntry: false }) : undefined;
      const isEdited = now !== undefined && !sameFile(now, copied.target);
      if (isStill && !isEdited) renameSync(copy, at);
      else removeQuietly(copy);
      if (isEdited) replaceByCopy(path, copied.mode, this.#held);
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
