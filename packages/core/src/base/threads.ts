import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";

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
  const file = entryOf(name);
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

function entryOf(name: string): string | undefined {
  const here: string | undefined = import.meta.url;
  if (here === undefined || !here.startsWith("file:") || here.endsWith(".ts")) return undefined;
  for (const relative of [`./${name}.js`, `../${name}.js`]) {
    const file = fileURLToPath(new URL(relative, here));
    if (existsSync(file)) return file;
  }
  return undefined;
}
