import { renameSync } from "node:fs";
import type { OsPath } from "../base/paths.ts";
import { startWorker, type Thread } from "../base/threads.ts";
import type { CopyOutcome } from "./copyObjects.ts";
import { CopyLoop } from "./copyLoop.ts";
import { CopyControl, copyShareOf, type CopyShare, CopyState } from "./copyShare.ts";
import { makeDurable, startSync, syncFileSystem } from "./durable.ts";
import { StagingFolders } from "./stagingFolders.ts";

/** Many small objects to copy between two folders of objects of this machine. */
export interface CopyMany {
  /** The folders of 256 folders. */
  readonly from: OsPath;
  readonly to: OsPath;
  /** Hashes of files that `to` does not have. */
  readonly oids: readonly string[];
  readonly dirMode: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onObjects: (count: number, bytes: number) => void;
}

/** From this many objects on it pays: a second thread starts in some 30 ms. */
export const WORTH_THREADS = 2000;
const THREADS = 2;
/** So many staged objects are flushed while others are still being copied. */
const FLUSH_EVERY = 6000;
/** The event loop gets its turn so often, ms. */
const TURN_MS = 25;

/**
 * Copies small objects on two threads: read, compared with their hash, written aside; flushed to disk while others are
 * still copied; and only then named. So not even a power cut leaves wrong bytes under a right name.
 * @returns what was copied, durably, and what is `left`: missing, damaged, large or unreadable objects, for the careful
 * way. Undefined when nothing can be staged in `to`.
 * @throws the signal's reason; what was flushed by then has its name.
 */
export async function copyMany(job: CopyMany): Promise<{ copied: CopyOutcome; left: string[] } | undefined> {
  let staging: StagingFolders;
  try {
    staging = new StagingFolders(job.to, job.dirMode);
    staging.open(THREADS);
  } catch {
    return undefined; // A folder that only takes files in the folders of objects: the careful way may do, or says why not.
  }
  try {
    return await new Copying(job, staging).run();
  } finally {
    staging.clear();
  }
}

class Copying {
  readonly #job: CopyMany;
  readonly #staging: StagingFolders;
  readonly #share: CopyShare;
  readonly #shards: Set<string>;
  readonly #copied: CopyOutcome = { done: [], bytes: 0, missing: [], failed: [] };
  /** 1 for objects that a flush has been started for. */
  readonly #flushed: Uint8Array;
  #flush: Promise<void> | undefined;

  constructor(job: CopyMany, staging: StagingFolders) {
    this.#job = job;
    this.#staging = staging;
    this.#share = copyShareOf(job.from, job.oids, staging.folders);
    this.#shards = new Set(staging.shards);
    this.#flushed = new Uint8Array(job.oids.length);
  }

  async run(): Promise<{ copied: CopyOutcome; left: string[] }> {
    const thread = startWorker("odb/copyWorker", { share: this.#share, thread: 1 });
    try {
      await this.#copy(thread);
    } finally {
      Atomics.store(this.#share.control, CopyControl.stop, 1);
      // A thread that broke leaves its objects to the careful way.
      await thread?.finished.catch(() => undefined);
      await this.#flush;
    }
    await this.#flushStaged(1);
    if (this.#copied.done.length > 0 && !syncFileSystem(this.#job.to))
      makeDurable(
        this.#job.to,
        this.#copied.done.map((oid) => this.#pathOf(oid)),
      );
    const { states } = this.#share;
    const left = this.#job.oids.filter((_oid, index) => (states[index] as number) < CopyState.staged);
    return { copied: this.#copied, left };
  }

  async #copy(thread: Thread | undefined): Promise<void> {
    const loop = new CopyLoop(this.#share, 0);
    let turn = performance.now() + TURN_MS;
    while (loop.step()) {
      if (performance.now() < turn) continue;
      if (this.#flush === undefined) {
        this.#flush = this.#flushStaged(FLUSH_EVERY)?.then(() => {
          this.#flush = undefined;
        });
        this.#flush?.catch(() => undefined); // It stays, and is thrown at the end.
      }
      await new Promise(setImmediate);
      this.#job.signal?.throwIfAborted();
      turn = performance.now() + TURN_MS;
    }
    await thread?.finished.catch(() => undefined);
  }

  /** Flushes what is staged by now, when it is at least so many, and gives it its names. */
  #flushStaged(atLeast: number): Promise<void> | undefined {
    const { states } = this.#share;
    const rows: number[] = [];
    for (let row = 0; row < states.length; row++)
      if (this.#flushed[row] === 0 && Atomics.load(states, row) >= CopyState.staged) rows.push(row);
    if (rows.length < atLeast) return undefined;
    for (const row of rows) this.#flushed[row] = 1;
    return startSync(this.#job.to).then((isDone) => {
      if (!isDone)
        makeDurable(
          this.#job.to,
          rows.map((row) => this.#stagedPath(row)),
        );
      this.#name(rows);
    });
  }

  #name(rows: readonly number[]): void {
    let bytes = 0;
    for (const row of rows) {
      const oid = this.#job.oids[row] as string;
      const shard = oid.slice(0, 2);
      if (!this.#shards.has(shard)) this.#staging.makeShard(shard);
      this.#shards.add(shard);
      renameSync(this.#stagedPath(row), this.#pathOf(oid));
      this.#copied.done.push(oid);
      bytes += this.#share.sizes[row] as number;
    }
    this.#copied.bytes += bytes;
    this.#job.onObjects(rows.length, bytes);
  }

  #stagedPath(row: number): OsPath {
    const thread = (this.#share.states[row] as number) - CopyState.staged;
    return `${this.#share.staging[thread] as string}/${String(row)}`;
  }

  #pathOf(oid: string): OsPath {
    return `${this.#job.to}/${oid.slice(0, 2)}/${oid.slice(2)}`;
  }
}
