import { startWorker } from "../base/threads.ts";
import { IntactCheck } from "./intactCheck.ts";
import type { ObjectDb } from "./objectDb.ts";

/** What both threads see. */
export interface ManifestShare {
  readonly root: string;
  readonly layout: "3.x" | "legacy";
  readonly oid: string;
  /** 0 at work, 1 everything is there and untouched, 2 somebody has to look closer. */
  readonly verdict: Int32Array;
}

export const ALL_INTACT = 1;
export const DOUBTFUL = 2;
/** From this many files on a second thread pays: it needs some 20 ms to start, 20,000 objects need 100. */
const WORTH_A_THREAD = 4000;
/** A thread that has not answered after so long (ms) is given up. */
const PATIENCE_MS = 60_000;

/**
 * Whether a folder's manifest and every file it names are in the cache and untouched; begins at once on a second thread,
 * so that the workspace can be walked meanwhile.
 */
export class ManifestCheck {
  readonly #cache: ObjectDb;
  readonly #oid: string;
  readonly #verdict: Int32Array | undefined;

  /** `nfiles` as recorded, to choose the way; undefined when it is not known. */
  constructor(cache: ObjectDb, oid: string, nfiles: number | undefined) {
    this.#cache = cache;
    this.#oid = oid;
    if (nfiles === undefined || nfiles < WORTH_A_THREAD) return;
    const verdict = new Int32Array(new SharedArrayBuffer(4));
    const share: ManifestShare = { root: cache.root, layout: cache.layout, oid, verdict };
    const thread = startWorker("odb/manifestWorker", share);
    if (thread === undefined) return;
    thread.worker.unref();
    this.#verdict = verdict;
  }

  /** Waits for the answer. When the other thread had a doubt, every object is looked at closely: damaged ones are quarantined. */
  isWhole(): boolean {
    const verdict = this.#verdict;
    if (verdict !== undefined) {
      Atomics.wait(verdict, 0, 0, PATIENCE_MS);
      if (Atomics.load(verdict, 0) === ALL_INTACT) return true;
    }
    if (this.#cache.check(this.#oid) !== "ok") return false;
    const tree = this.#cache.readTree(this.#oid);
    if (tree === undefined) return false;
    const oids = tree.entries.map((entry) => entry.md5);
    return new IntactCheck(this.#cache, oids).missing().length === 0;
  }
}
