import { startWorker } from "../base/threads.ts";
import { IntactCheck } from "./intactCheck.ts";
import { type CacheLooks, type CacheMoment, lookAtCache, WORTH_A_LOOK } from "./cacheLooks.ts";
import { isPlainlyWhole } from "./manifestScan.ts";
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
 * Whether a folder's manifest and every file it names are in the cache and untouched. Of a large one it is remembered for
 * which condition of the cache's folders that was so: while no name comes or goes in them, no file is missing, and an
 * object that was edited in place (which is read-only) is noticed when it is read. Otherwise a second thread begins to
 * look at once, so that the workspace can be walked meanwhile.
 */
export class ManifestCheck {
  readonly #cache: ObjectDb;
  readonly #oid: string;
  readonly #looks: CacheLooks | undefined;
  #moment: CacheMoment | undefined;
  #verdict: Int32Array | undefined;
  #isKnown = false;

  /** `nfiles` as recorded, to choose the way; undefined when it is not known. `looks`: what was found before. */
  constructor(cache: ObjectDb, oid: string, nfiles: number | undefined, looks?: CacheLooks) {
    this.#cache = cache;
    this.#oid = oid;
    this.#looks = looks;
    if (nfiles === undefined || nfiles < WORTH_A_LOOK) return;
    if (looks !== undefined) this.#moment = lookAtCache(cache.folder, cache.pathOf(oid));
    this.#isKnown = this.#moment !== undefined && looks?.has(cache.folder, oid, this.#moment) === true;
    if (!this.#isKnown && nfiles >= WORTH_A_THREAD) this.#begin();
  }

  #begin(): void {
    const { root, layout } = this.#cache;
    const verdict = new Int32Array(new SharedArrayBuffer(4));
    const share: ManifestShare = { root, layout, oid: this.#oid, verdict };
    const thread = startWorker("odb/manifestWorker", share);
    if (thread === undefined) return;
    thread.worker.unref();
    this.#verdict = verdict;
  }

  /** Waits for the answer. On a doubt, every object is looked at closely: damaged ones are quarantined. */
  isWhole(): boolean {
    if (this.#isKnown || this.#isPlainlyWhole()) return true;
    if (this.#cache.check(this.#oid) !== "ok") return false;
    const tree = this.#cache.readTree(this.#oid);
    if (tree === undefined) return false;
    const oids = tree.entries.map((entry) => entry.md5);
    return new IntactCheck(this.#cache, oids).missing().length === 0;
  }

  #isPlainlyWhole(): boolean {
    const verdict = this.#verdict;
    if (verdict !== undefined) Atomics.wait(verdict, 0, 0, PATIENCE_MS);
    else if (this.#moment === undefined) return false;
    const isWhole =
      verdict === undefined ? isPlainlyWhole(this.#cache, this.#oid) : Atomics.load(verdict, 0) === ALL_INTACT;
    if (isWhole && this.#moment !== undefined) this.#looks?.note(this.#cache.folder, this.#oid, this.#moment);
    this.#isKnown = isWhole;
    return isWhole;
  }
}
