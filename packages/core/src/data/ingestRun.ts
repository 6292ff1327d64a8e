import type { Worker } from "node:worker_threads";
import { TextColumn } from "../base/textColumn.ts";
import { workerFile } from "../base/workerFile.ts";
import type { BuildOptions } from "./buildOptions.ts";
import type { FileColumns } from "./fileColumns.ts";
import { STAMP_FIELDS } from "../odb/stateTable.ts";
import type { IngestFailure, IngestJob } from "./ingestJob.ts";
import { Control } from "./ingestJob.ts";
import { IngestLoop } from "./ingestLoop.ts";
import { ioError } from "./ioError.ts";
import type { Staging } from "./staging.ts";

/** A worker thread costs some 30 ms to start: below both of these one thread is faster. */
const FILES_FOR_THREADS = 4000;
const BYTES_FOR_THREADS = 64 * 1024 * 1024;
const MAX_THREADS = 4;
/** A batch ends at whichever comes first. */
const BATCH_FILES = 256;
const BATCH_BYTES = 32 * 1024 * 1024;
/** How long the event loop waits at most, ms: signals and progress get their turn in between. */
const SLICE_MS = 40;

/** What events call the work. */
export const HASH_TASK = "hash";

/** Lays out the work on the files of `todo`: row i is `todo[i]`. */
export function openJob(
  files: FileColumns,
  todo: readonly number[],
  staging: Staging | undefined,
  options: BuildOptions,
): { job: IngestJob; threads: number } {
  const count = todo.length;
  const stats = new BigUint64Array(new SharedArrayBuffer(count * STAMP_FIELDS * 8));
  const isAll = count === files.count;
  const relpaths = isAll ? files.relpaths : TextColumn.empty();
  const batches = [0];
  let batchBytes = 0;
  let bytes = 0;
  for (let row = 0; row < count; row++) {
    const index = todo[row] as number;
    if (!isAll) relpaths.push(files.relpaths.at(index));
    stats.set(files.stats.subarray(index * STAMP_FIELDS, (index + 1) * STAMP_FIELDS), row * STAMP_FIELDS);
    const size = files.size(index);
    bytes += size;
    batchBytes += size;
    if (row + 1 - (batches.at(-1) ?? 0) >= BATCH_FILES || batchBytes >= BATCH_BYTES) {
      batches.push(row + 1);
      batchBytes = 0;
    }
  }
  if (batches.at(-1) !== count) batches.push(count);
  const threads = threadsFor(count, bytes, batches.length - 1, options.jobs);
  const job: IngestJob = {
    base: files.base,
    relpaths: relpaths.share,
    stats,
    digests: new Uint8Array(new SharedArrayBuffer(count * 16)),
    outcomes: new Uint8Array(new SharedArrayBuffer(count)),
    control: new Int32Array(new SharedArrayBuffer(20)),
    batches,
    objects: staging?.objects,
    shards: staging?.shards ?? [],
    staging: staging?.open(threads) ?? [],
    fresh: staging?.openFreshFor(count),
    syncEach: staging?.syncEach ?? false,
  };
  return { job, threads };
}

function threadsFor(files: number, bytes: number, batches: number, jobs: number | undefined): number {
  if (files < FILES_FOR_THREADS && bytes < BYTES_FOR_THREADS) return 1;
  const { availableParallelism } = process.getBuiltinModule("node:os");
  return Math.max(1, Math.min(availableParallelism(), jobs ?? MAX_THREADS, MAX_THREADS, batches));
}

/**
 * Runs the job in this thread and `threads - 1` others. Emits progress, and stops between files when aborted.
 * @throws {DvcError} the first failure.
 */
export async function runJob(
  job: IngestJob,
  threads: number,
  files: FileColumns,
  options: BuildOptions,
): Promise<void> {
  const progress = new IngestProgress(job, files, options);
  const workers = startWorkers(job, threads);
  const loop = new IngestLoop(job, 0);
  try {
    while (!loop.step(performance.now() + SLICE_MS)) {
      progress.emit();
      await turn();
      options.signal?.throwIfAborted();
    }
  } catch (error) {
    loop.close();
    throw error;
  } finally {
    const failures = (await Promise.all(workers)).flat();
    progress.end();
    loop.failures.push(...failures);
  }
  const [failure] = loop.failures;
  if (failure !== undefined)
    throw ioError(Object.assign(new Error(failure.message), failure.system), failure.system.path);
}

/** Lets signals, timers and input have their turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function startWorkers(job: IngestJob, threads: number): Promise<IngestFailure[]>[] {
  const file = threads > 1 ? workerFile("data/ingestWorker") : undefined;
  if (file === undefined) return [];
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  return Array.from({ length: threads - 1 }, (_, i) =>
    failuresOf(new Worker(file, { workerData: { job, thread: i + 1 } }), job),
  );
}

/** What a worker failed at. One that breaks leaves what it had begun undone: those are done one by one. */
function failuresOf(worker: Worker, job: IngestJob): Promise<IngestFailure[]> {
  return new Promise((resolve) => {
    let failures: IngestFailure[] | undefined;
    worker.on("message", (message: IngestFailure[]) => {
      failures = message;
    });
    worker.on("error", () => undefined);
    worker.on("exit", () => {
      // Only one that came to its end tells its failures.
      if (failures === undefined) Atomics.store(job.control, Control.broken, 1);
      resolve(failures ?? []);
    });
  });
}

/** Emits how far all threads have come. */
class IngestProgress {
  readonly #job: IngestJob;
  readonly #options: BuildOptions;
  readonly #bytes: number;

  constructor(job: IngestJob, files: FileColumns, options: BuildOptions) {
    this.#job = job;
    this.#options = options;
    this.#bytes = options.reporter === undefined ? 0 : files.totalSize;
    options.reporter?.emit({ type: "start", task: HASH_TASK, items: job.outcomes.length, bytes: this.#bytes });
  }

  emit(): void {
    this.#options.reporter?.emit({
      type: "progress",
      task: HASH_TASK,
      items: Atomics.load(this.#job.control, Control.files),
      bytes: Atomics.load(this.#job.control, Control.kibibytes) * 1024,
      totalItems: this.#job.outcomes.length,
      totalBytes: this.#bytes,
    });
  }

  end(): void {
    this.emit();
    this.#options.reporter?.emit({ type: "end", task: HASH_TASK });
  }
}
