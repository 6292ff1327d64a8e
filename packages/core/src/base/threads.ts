import type { Worker } from "node:worker_threads";
import { workerFile } from "./workerFile.ts";

/** A second thread. */
export interface Thread {
  readonly worker: Worker;
  /** Resolves when it ended by itself; rejects with what it threw. */
  readonly finished: Promise<void>;
}

/**
 * Starts a thread from the built file `<name>.js` (`data/applyWorker`), which lies beside the bundle or in the tree that
 * the compiler writes. It starts in some 30 ms.
 * @returns undefined where there is no such file (running from source): the caller then does all by itself.
 */
export function startWorker(name: string, data: unknown): Thread | undefined {
  const file = workerFile(name);
  if (file === undefined) return undefined;
  const threads = process.getBuiltinModule("node:worker_threads");
  const worker = new threads.Worker(file, { workerData: data });
  const finished = new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", () => {
      resolve();
    });
  });
  // Whoever waits later still hears of it; until then it must not end the process.
  finished.catch(() => undefined);
  return { worker, finished };
}
