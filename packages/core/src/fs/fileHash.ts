import { hash } from "node:crypto";
import { Worker } from "node:worker_threads";

/**
 * The thread's program, as text: worker threads of Node 20 cannot load TypeScript, and a bundle has no file to point to.
 * It hashes the file up to each offset it is told of, and answers with the digest when told the end.
 */
const PROGRAM = `
const { parentPort, workerData } = require("node:worker_threads");
const { createHash } = require("node:crypto");
const { openSync, readSync } = require("node:fs");
const fd = openSync(workerData.path, "r");
const hash = createHash("md5");
const buffer = Buffer.allocUnsafeSlow(1 << 20);
let at = 0;
parentPort.on("message", ({ upTo, end }) => {
  while (at < upTo) {
    const count = readSync(fd, buffer, 0, Math.min(buffer.length, upTo - at), at);
    if (count === 0) throw new Error("the file ended early");
    hash.update(buffer.subarray(0, count));
    at += count;
  }
  if (end) {
    parentPort.postMessage(hash.digest("hex"));
    parentPort.close();
  }
});
`;

/**
 * The md5 of a local file, computed on a thread of its own while the file is still being written (in any order) or sent:
 * 3.5 s for 2 GiB that would otherwise come on top of the transfer.
 */
export class FileHash {
  readonly #worker: Worker;
  readonly #result: Promise<string>;

  constructor(path: string) {
    this.#worker = new Worker(PROGRAM, { eval: true, workerData: { path } });
    this.#result = new Promise((resolve, reject) => {
      this.#worker.once("message", resolve);
      this.#worker.once("error", reject);
      this.#worker.once("exit", () => {
        reject(new Error("the hashing thread was stopped"));
      });
    });
    this.#result.catch(() => undefined);
  }

  /** The first `offset` bytes have their final contents. Offsets never shrink. */
  advance(offset: number): void {
    this.#worker.postMessage({ upTo: offset, end: false });
  }

  /** Hex md5 of the first `size` bytes, all of which are in place. */
  finish(size: number): Promise<string> {
    this.#worker.postMessage({ upTo: size, end: true });
    return this.#result;
  }

  /** Ends the thread; to be called in any case. */
  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Hex md5 of bytes in memory. */
export function md5Hex(bytes: Uint8Array): string {
  return hash("md5", bytes, "hex");
}
