import { dirname } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { removeQuietly, syncFolder } from "../fs/atomic.ts";
import { HeldShards } from "./heldShards.ts";
import { FLUSH_SINGLY, startSync, syncFile, syncFileSystem } from "./durable.ts";

/** A whole, checked file beside the place that it shall have. */
export interface Unnamed {
  readonly temporary: OsPath;
  readonly path: OsPath;
  /** Bytes. */
  readonly size: number;
  /** Called when it has its name. */
  readonly onNamed?: () => void;
}

/** How files get their names. */
export interface NameGiver {
  /** Puts a file in its place. @throws the file system's error */
  rename(temporary: OsPath, path: OsPath): void;
  /** Lets go of what was held open for that. */
  close?(): void;
}

/** So many bytes, or ms since the last flush, make the next one due. */
const DUE = { bytes: 256 << 20, ms: 2000 };
/** So do so many files, twice as many each time: a short run that is killed loses little, a long one flushes seldom. */
const FIRST_FILES = 250;
const MOST_FILES = 4000;

/**
 * Files that get their names only when their bytes are safe on disk, so that not even a power cut leaves wrong bytes
 * under a right name. Flushed many at a time, beside other work where the caller can wait (`flushWhenDue`).
 */
export class NamesToGive {
  #waiting: Unnamed[] = [];
  /** The places of those that wait. */
  readonly #places: Set<OsPath> = new Set<OsPath>();
  #bytes = 0;
  #dueFiles = FIRST_FILES;
  #lastFlush: number = performance.now();
  #flushing: Promise<void> | undefined;
  #failure: Error | undefined;
  readonly #giver: NameGiver;
  /** Folders with new names that have not been flushed. */
  readonly #folders: Set<OsPath> = new Set<OsPath>();

  constructor(giver: NameGiver = new HeldShards()) {
    this.#giver = giver;
  }

  add(file: Unnamed): void {
    this.#waiting.push(file);
    this.#places.add(file.path);
    this.#bytes += file.size;
  }

  /** Whether a file waits for this name. */
  has(path: OsPath): boolean {
    return this.#places.has(path);
  }

  /** Gives one file, which is safe on disk already, its name at once; the name itself is safe after `finish`. */
  giveNow({ temporary, path }: Pick<Unnamed, "temporary" | "path">): void {
    this.#giver.rename(temporary, path);
    this.#folders.add(dirname(path));
  }

  /** Starts a flush when one is due and none is under way. @throws what went wrong in an earlier one. */
  flushWhenDue(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#flushing !== undefined || !this.#isDue()) return;
    const batch = this.#take();
    this.#flushing = this.#flushBeside(batch)
      .catch((error: unknown) => {
        this.#failure = error as Error;
      })
      .finally(() => {
        this.#flushing = undefined;
      });
  }

  /** The same at once, for callers that do not wait for anything else. @throws the file system's error. */
  flushNowWhenDue(): void {
    if (this.#isDue()) this.#flush(this.#take());
  }

  /** Gives all that wait their names and makes the names durable. @throws the file system's error. */
  async finish(): Promise<void> {
    await this.#flushing;
    this.finishNow();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The same for callers that never called `flushWhenDue`. */
  finishNow(): void {
    try {
      this.#flush(this.#take());
    } finally {
      this.#giver.close?.();
    }
    const folders = [...this.#folders];
    this.#folders.clear();
    if (folders.length > FLUSH_SINGLY && syncFileSystem(folders[0] as OsPath)) return;
    for (const folder of folders) syncFolder(folder);
  }

  /** Removes what waits: nothing of it gets its name. */
  discard(): void {
    for (const { temporary, path } of this.#take()) {
      removeQuietly(temporary);
      this.#places.delete(path);
    }
  }

  #isDue(): boolean {
    if (this.#waiting.length >= this.#dueFiles || this.#bytes >= DUE.bytes) return true;
    return this.#waiting.length > 0 && performance.now() - this.#lastFlush > DUE.ms;
  }

  #take(): Unnamed[] {
    const batch = this.#waiting;
    if (batch.length >= this.#dueFiles) this.#dueFiles = Math.min(2 * this.#dueFiles, MOST_FILES);
    this.#waiting = [];
    this.#bytes = 0;
    return batch;
  }

  #flush(batch: readonly Unnamed[]): void {
    this.#name(batch, batch.length > FLUSH_SINGLY && syncFileSystem(folderOf(batch)));
  }

  async #flushBeside(batch: readonly Unnamed[]): Promise<void> {
    this.#name(batch, await startSync(folderOf(batch)));
  }

  /** A file that cannot be flushed or named ends the batch: the rest of it is removed, to be fetched again. */
  #name(batch: readonly Unnamed[], isFlushed: boolean): void {
    let named = 0;
    try {
      if (!isFlushed) for (const { temporary } of batch) syncFile(temporary);
      for (const file of batch) {
        this.giveNow(file);
        named++;
        file.onNamed?.();
      }
    } catch (error) {
      for (const { temporary } of batch.slice(named)) removeQuietly(temporary);
      throw error;
    } finally {
      for (const { path } of batch) this.#places.delete(path);
      this.#lastFlush = performance.now();
    }
  }
}

function folderOf(batch: readonly Unnamed[]): OsPath {
  return dirname((batch[0] as Unnamed).path);
}
