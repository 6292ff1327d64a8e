import type { Hash } from "node:crypto";
import { closeSync, fchmodSync, fstatSync, fsyncSync, openSync, readSync } from "node:fs";
import type { CallOptions } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { startWorker } from "../base/threads.ts";
import { workerFile } from "../base/workerFile.ts";
import { removeQuietly } from "../fs/atomic.ts";
import { EarlyFlush } from "../fs/earlyFlush.ts";
import { ofFile } from "../base/ofFile.ts";
import { newMd5 } from "../hash/md5.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import { OBJECT_MODE, sameFile } from "../odb/objectFile.ts";
import { openRing, RingFiller, SLOT_BYTES } from "./writeRing.ts";

/** How long the event loop waits at most, ms: signals and progress get their turn in between. */
const SLICE_MS = 40;
const TASK = "hash";

/** Whether there is a second thread to be had: the built program has one, its sources don't. */
export function canStoreLarge(): boolean {
  return workerFile("data/writeWorker") !== undefined;
}

/**
 * Stores one large file under the hash it turns out to have: this thread reads and hashes, a second writes the very same
 * bytes, and the disk works meanwhile. MD5 of one stream is what it takes; copy and flush cost nothing on top.
 * @returns undefined when the file was changed meanwhile: nothing is stored.
 * @throws the file system's error, or the signal's reason.
 */
export async function storeLarge(from: OsPath, store: ObjectDb, options: CallOptions): Promise<string | undefined> {
  const temporary = store.temporaryFor();
  const source = openSync(from, "r");
  try {
    const before = fstatSync(source, { bigint: true });
    const target = openSync(temporary, "wx", OBJECT_MODE);
    let md5: string;
    try {
      md5 = await new LargeCopy(source, target, Number(before.size), options).run();
      ofFile(temporary, () => {
        fchmodSync(target, OBJECT_MODE);
        fsyncSync(target);
      });
    } finally {
      closeSync(target);
    }
    const after = fstatSync(source, { bigint: true });
    if (!sameFile(before, after) || before.ctimeNs !== after.ctimeNs) return undefined;
    store.adopt(temporary, md5, true);
    return md5;
  } finally {
    closeSync(source);
    removeQuietly(temporary);
  }
}

class LargeCopy {
  readonly #source: number;
  readonly #filler: RingFiller;
  readonly #options: CallOptions;
  readonly #size: number;
  readonly #hash: Hash = newMd5();
  /** Rejects with why nothing can be written any more; resolves when all is written. */
  readonly #writing: Promise<void>;
  readonly #flush: EarlyFlush;
  #flushedBytes = 0;
  /** The writer has ended, or could not start. */
  #isOver = false;
  #read = 0;

  constructor(source: number, target: number, size: number, options: CallOptions) {
    this.#source = source;
    this.#flush = new EarlyFlush(target);
    this.#options = options;
    this.#size = size;
    const ring = openRing(target);
    this.#filler = new RingFiller(ring);
    this.#writing = startWorker("data/writeWorker", ring)?.finished ?? Promise.reject(new Error("no worker"));
    const over = (): void => {
      this.#isOver = true;
    };
    this.#writing.then(over, over);
  }

  async run(): Promise<string> {
    const { reporter, signal } = this.#options;
    const bytes = this.#size;
    reporter?.emit({ type: "start", task: TASK, items: 1, bytes });
    let complete = false;
    try {
      while (!this.#slice()) {
        this.#startFlush();
        reporter?.emit({ type: "progress", task: TASK, items: 0, bytes: this.#read, totalItems: 1, totalBytes: bytes });
        await new Promise(setImmediate);
        signal?.throwIfAborted();
      }
      complete = !this.#isOver;
    } finally {
      this.#filler.end(complete);
      // Neither thread may use the file once it is closed.
      await Promise.allSettled([this.#writing, this.#flush.end()]);
      reporter?.emit({ type: "end", task: TASK });
    }
    await this.#writing;
    await this.#flush.end();
    if (!this.#filler.isWritten) throw new Error("the writer ended before everything was written");
    return this.#hash.digest("hex");
  }

  /** Reads and hashes for a while. @returns whether the file has ended. */
  #slice(): boolean {
    const deadline = performance.now() + SLICE_MS;
    while (performance.now() < deadline && !this.#isOver) {
      const slot = this.#filler.slot();
      if (slot === undefined) return false;
      const count = readSync(this.#source, slot, 0, SLOT_BYTES, null);
      if (count === 0) return true;
      // The writer only reads the slot: both use it at the same time.
      this.#filler.push(count);
      this.#hash.update(slot.subarray(0, count));
      this.#read += count;
    }
    return this.#isOver;
  }

  #startFlush(): void {
    const written = this.#filler.writtenBytes;
    this.#flush.wrote(written - this.#flushedBytes);
    this.#flushedBytes = written;
  }
}
