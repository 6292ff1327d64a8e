import { startWorker } from "../base/threads.ts";
import type { OsPath } from "../base/paths.ts";
import { HashLoop } from "./hashLoop.ts";
import { type HashShare, hashShareOf, HashState } from "./hashShare.ts";
import type { OidColumn } from "./oidColumn.ts";

/** Objects to hash. */
export interface HashMany {
  /** The folder of the 256 folders. */
  readonly folder: OsPath;
  readonly oids: OidColumn;
  /** First row to look at. */
  readonly from: number;
  readonly signal: AbortSignal | undefined;
  /**
   * Called some twenty times a second: all rows before `row` are done, and those of them that were not sound have been told
   * to `onDoubtful`; `bytes` were read since the last call.
   */
  readonly onProgress: (row: number, bytes: number) => void;
  /** Called in the order of the rows: wrong, missing or unreadable when it was looked at. */
  readonly onDoubtful: (row: number) => void;
}

/** From this many objects on, a second thread pays; few may be large, but then the disk is the limit. */
const WORTH_A_THREAD = 64;
/** The event loop gets its turn so often, ms. */
const TURN_MS = 50;

/**
 * Hashes objects with two threads.
 * @throws the signal's reason; what was done by then was told.
 */
export async function hashMany(job: HashMany): Promise<void> {
  const { folder, oids, from, signal } = job;
  const share = hashShareOf(folder, oids.bytes, from);
  const thread = oids.length - from < WORTH_A_THREAD ? undefined : startWorker("odb/hashWorker", share);
  const loop = new HashLoop(share);
  const teller = new Teller(job, share);
  try {
    for (let isOver = false; !isOver;) {
      isOver = loop.step(performance.now() + TURN_MS);
      teller.tell();
      await new Promise(setImmediate);
      signal?.throwIfAborted();
    }
    if (thread !== undefined) await untilEnd(thread.finished, teller, signal);
  } finally {
    loop.close();
    await thread?.worker.terminate();
  }
  teller.tellRest();
}

class Teller {
  readonly #job: HashMany;
  readonly #share: HashShare;
  #row: number;
  #bytes = 0;

  constructor(job: HashMany, share: HashShare) {
    this.#job = job;
    this.#share = share;
    this.#row = job.from;
  }

  /** Everything up to the first row that is not done. */
  tell(): void {
    const { states } = this.#share;
    for (; this.#row < states.length; this.#row++) {
      const state = Atomics.load(states, this.#row);
      if (state === HashState.todo) break;
      if (state === HashState.doubtful) this.#job.onDoubtful(this.#row);
    }
    const bytes = Number(Atomics.load(this.#share.bytes, 0));
    this.#job.onProgress(this.#row, bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** What a thread that broke has left is doubtful. */
  tellRest(): void {
    const { states } = this.#share;
    for (let row = this.#row; row < states.length; row++)
      if (states[row] === HashState.todo) states[row] = HashState.doubtful;
    this.tell();
  }
}

/** The last objects of the other thread may be large. */
async function untilEnd(finished: Promise<void>, teller: Teller, signal: AbortSignal | undefined): Promise<void> {
  const timer = setInterval(() => {
    teller.tell();
  }, TURN_MS);
  const aborted = new Promise<void>((resolve) => {
    signal?.addEventListener("abort", () => {
      resolve();
    });
  });
  try {
    await Promise.race([finished.catch(() => undefined), aborted]);
    signal?.throwIfAborted();
  } finally {
    clearInterval(timer);
  }
}
