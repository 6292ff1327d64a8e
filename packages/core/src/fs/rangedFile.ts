import { chmodSync, closeSync, fchmodSync, ftruncateSync, openSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";
import { EarlyFlush } from "./earlyFlush.ts";
import type { FetchedObject, RangeNotes } from "./filesystem.ts";

const NEW_FILE_MODE = 0o666;
const WRITABLE = 0o600;

/** A new local file that an object comes into, in order or in ranges, and what of it is in place already. */
export class RangedFile {
  readonly path: OsPath;
  readonly #mode: number | undefined;
  readonly #notes: RangeNotes | undefined;
  #fd: number;
  #flush: EarlyFlush;
  #isEmpty = true;
  #object: FetchedObject | undefined;
  #done: Set<number> = new Set<number>();

  /** @throws the file system's error, also when there is a file */
  constructor(path: OsPath, mode: number | undefined, notes: RangeNotes | undefined) {
    this.path = path;
    this.#mode = mode;
    this.#notes = notes;
    this.#fd = openSync(path, "wx", mode ?? NEW_FILE_MODE);
    this.#flush = new EarlyFlush(this.#fd);
  }

  get fd(): number {
    return this.#fd;
  }

  /** Makes it ready for bytes from the beginning. */
  clear(): void {
    // Not when nothing was written: a file that was truncated is written out when it is closed (ext4), 40 µs each.
    if (!this.#isEmpty) ftruncateSync(this.#fd, 0);
    this.#isEmpty = false;
    if (this.#object !== undefined) this.#notes?.forget();
    this.#object = undefined;
    this.#done = new Set();
  }

  /** Makes it ready for ranges of an object. @returns beginnings of those that are in place, from an earlier try or run */
  begin(object: FetchedObject): ReadonlySet<number> {
    if (this.#object?.etag === object.etag && this.#object.size === object.size) return this.#done;
    this.clear();
    const left = this.#notes?.takeOver(object);
    if (left !== undefined) this.#reopen();
    this.#notes?.begin(object, left ?? []);
    this.#object = object;
    this.#done = new Set(left);
    return this.#done;
  }

  /** A range is in place. */
  done(start: number): void {
    this.#done.add(start);
    this.#notes?.done(start);
    this.#flush.wrote(this.#object?.range ?? 0);
  }

  /** @throws the file system's error: what was written may not be on disk */
  async close(): Promise<void> {
    try {
      await this.#flush.end();
    } finally {
      closeSync(this.#fd);
    }
  }

  /** Another file lies at the path now, which may have been made to be read only. Nobody wants the first any more. */
  #reopen(): void {
    closeSync(this.#fd);
    chmodSync(this.path, WRITABLE);
    this.#fd = openSync(this.path, "r+");
    this.#flush = new EarlyFlush(this.#fd);
    if (this.#mode !== undefined) fchmodSync(this.#fd, this.#mode);
  }
}
