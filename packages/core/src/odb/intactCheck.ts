import { startWorker } from "../base/threads.ts";
import { INTACT, type IntactShare, scanIntact } from "./intactScan.ts";
import type { ObjectDb } from "./objectDb.ts";

/** From this many objects on, a second thread pays: it needs some 20 ms to start, 20,000 stats need 70. */
const WORTH_A_THREAD = 4000;

/**
 * Whether objects of a cache are there and untouched, found out beside other work: a second thread looks at them from the
 * start, and `missing` does what is left.
 */
export class IntactCheck {
  readonly #cache: ObjectDb;
  readonly #oids: readonly string[];
  readonly #share: IntactShare | undefined;

  /** Begins at once. `oids` are hashes of files, no manifests; equal ones may repeat. */
  constructor(cache: ObjectDb, oids: readonly string[]) {
    this.#cache = cache;
    this.#oids = oids;
    if (oids.length < WORTH_A_THREAD) return;
    this.#share = shareOf(cache, oids);
    const thread = startWorker("odb/intactWorker", this.#share);
    thread?.worker.unref();
  }

  /** The objects that are missing, or were damaged and are now in the quarantine. */
  missing(): string[] {
    const share = this.#share;
    if (share === undefined) return this.#oids.filter((oid) => this.#cache.check(oid) !== "ok");
    scanIntact(share);
    const missing: string[] = [];
    for (const [index, oid] of this.#oids.entries()) {
      // What the other thread has taken and not yet looked at counts as doubtful: it is looked at again.
      if (Atomics.load(share.states, index) !== INTACT && this.#cache.check(oid) !== "ok") missing.push(oid);
    }
    return missing;
  }
}

function shareOf(cache: ObjectDb, oids: readonly string[]): IntactShare {
  const hashes = new Uint8Array(new SharedArrayBuffer(oids.length * 16));
  const bytes = Buffer.from(hashes.buffer);
  for (const [index, oid] of oids.entries()) bytes.write(oid, index * 16, 16, "hex");
  return {
    folder: cache.folder,
    hashes,
    states: new Uint8Array(new SharedArrayBuffer(oids.length)),
    next: new Int32Array(new SharedArrayBuffer(4)),
  };
}
