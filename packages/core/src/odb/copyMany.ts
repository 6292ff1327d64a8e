import type { OsPath } from "../base/paths.ts";
import { startWorker, type Thread } from "../base/threads.ts";
import { removeQuietly, syncFolder } from "../fs/atomic.ts";
import type { CopyOutcome } from "./copyObjects.ts";
import { CopyLoop } from "./copyLoop.ts";
import { CopyControl, copyShareOf, type CopyShare, CopyState } from "./copyShare.ts";
import { DIGEST, type OidColumn } from "./oidColumn.ts";
import { makeDurable, startSync, syncFileSystem } from "./durable.ts";
import { StagingFolders } from "./stagingFolders.ts";

/** Many small objects to copy between two folders of objects of this machine. */
export interface CopyMany {
  /** The folders of 256 folders. */
  readonly from: OsPath;
  readonly to: OsPath;
  /** Hashes of files that `to` does not have. */
  readonly oids: OidColumn;
  readonly dirMode: number | undefined;
  /** Whether links in `to` are followed: it is a remote. */
  readonly follows?: boolean;
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
 * @throws the signal's reason; of what was flushed by then, whole folders of objects have their names.
 */
export async function copyMany(job: CopyMany): Promise<{ copied: CopyOutcome; left: string[] } | undefined> {
  let staging: StagingFolders | undefined;
  let copying: Copying;
  try {
    staging = new StagingFolders(job.to, job.dirMode, job.follows);
    staging.open(THREADS);
    copying = new Copying({ ...job, oids: job.oids.byFolder() }, staging);
  } catch {
    staging?.clear();
    return undefined; // A folder that only takes files in the folders of objects: the careful way may do, or says why not.
  }
  try {
    return await copying.run();
  } finally {
    staging.clear();
  }
}

/** Objects of one folder that is written aside. */
interface FreshShard {
  readonly name: string;
  readonly from: number;
  readonly end: number;
}

class Copying {
  /** Objects of one folder lie beside each other. */
  readonly #job: CopyMany;
  readonly #staging: StagingFolders;
  readonly #share: CopyShare;
  readonly #shards: Set<string>;
  /** Those that have no place yet. */
  #fresh: readonly FreshShard[];
  #stagedSingly = false;
  /** No thread copies any more. */
  #isOver = false;
  readonly #copied: CopyOutcome = { count: 0, bytes: 0, missing: [], failed: [] };
  /** 1 for objects that a flush has been started for. */
  readonly #flushed: Uint8Array;
  #flush: Promise<void> | undefined;

  constructor(job: CopyMany, staging: StagingFolders) {
    this.#job = job;
    this.#staging = staging;
    this.#shards = new Set(staging.shards);
    this.#fresh = shardsOf(job.oids).filter(({ name }) => !this.#shards.has(name));
    const shards = this.#fresh.map(({ name }) => name);
    const fresh = shards.length === 0 ? undefined : { folder: staging.openFresh(shards), shards };
    this.#share = copyShareOf(job.from, job.oids, staging.folders, fresh);
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
    this.#isOver = true;
    this.#dropBroken();
    await this.#flushStaged(1);
    // Folders that waited for objects that turned out to be left.
    this.#name([]);
    this.#flushNames();
    const { states } = this.#share;
    const left: string[] = [];
    for (let row = 0; row < states.length; row++)
      if ((states[row] as number) < CopyState.staged) left.push(this.#job.oids.at(row));
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

  /** A thread that died may have left half an object under its name. */
  #dropBroken(): void {
    for (const { from, end } of this.#fresh)
      for (let row = from; row < end; row++)
        if (this.#share.states[row] === CopyState.todo) removeQuietly(this.#freshPath(row));
  }

  #flushNames(): void {
    if (this.#copied.count === 0) return;
    // What lies in a folder that was written aside was flushed with it.
    if (!this.#stagedSingly) syncFolder(this.#job.to);
    else if (!syncFileSystem(this.#job.to))
      makeDurable(
        this.#job.to,
        [...this.#named()].map((oid) => this.#pathOf(oid)),
      );
  }

  /** All that have their names, once nothing is staged any more. */
  *#named(): Iterable<string> {
    for (const [row, state] of this.#share.states.entries())
      if (state >= CopyState.staged) yield this.#job.oids.at(row);
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

  /** Names objects that were flushed: singly, or with the whole folder once all of its objects were. */
  #name(rows: readonly number[]): void {
    const named: number[] = [];
    for (const row of rows) {
      if (this.#share.states[row] === CopyState.fresh) continue;
      this.#staging.place(this.#stagedPath(row), this.#pathOf(this.#job.oids.at(row)));
      named.push(row);
      this.#stagedSingly = true;
    }
    this.#fresh = this.#fresh.filter((shard) => !this.#place(shard, named));
    let bytes = 0;
    for (const row of named) bytes += this.#share.sizes[row] as number;
    this.#copied.count += named.length;
    this.#copied.bytes += bytes;
    this.#job.onObjects(named.length, bytes);
  }

  /** Gives a folder its place, and adds its objects to `named`; false as long as some are still to come or to be flushed. */
  #place({ name, from, end }: FreshShard, named: number[]): boolean {
    const rows: number[] = [];
    for (let row = from; row < end; row++) {
      const state = Atomics.load(this.#share.states, row);
      if (state === CopyState.fresh && this.#flushed[row] === 1) rows.push(row);
      else if (state === CopyState.fresh || (state === CopyState.todo && !this.#isOver)) return false;
    }
    if (rows.length > 0) this.#staging.placeFresh(name);
    for (const row of rows) named.push(row);
    return true;
  }

  #stagedPath(row: number): OsPath {
    const state = this.#share.states[row] as number;
    if (state === CopyState.fresh) return this.#freshPath(row);
    return `${this.#share.staging[state - CopyState.staged] as string}/${String(row)}`;
  }

  #freshPath(row: number): OsPath {
    const oid = this.#job.oids.at(row);
    return `${this.#share.fresh}/${oid.slice(0, 2)}/${oid.slice(2)}`;
  }

  #pathOf(oid: string): OsPath {
    return `${this.#job.to}/${oid.slice(0, 2)}/${oid.slice(2)}`;
  }
}

function shardsOf({ bytes, length }: OidColumn): FreshShard[] {
  const shards: FreshShard[] = [];
  for (let from = 0; from < length;) {
    const first = bytes[from * DIGEST] as number;
    let end = from + 1;
    while (end < length && bytes[end * DIGEST] === first) end++;
    shards.push({ name: first.toString(16).padStart(2, "0"), from, end });
    from = end;
  }
  return shards;
}
