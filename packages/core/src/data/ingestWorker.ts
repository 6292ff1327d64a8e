import { parentPort, workerData } from "node:worker_threads";
import type { IngestJob } from "./ingestJob.ts";
import { IngestLoop } from "./ingestLoop.ts";

// A worker thread: does its part of the job and answers with its failures.
const { job, thread } = workerData as { job: IngestJob; thread: number };
const loop = new IngestLoop(job, thread);
loop.step(Infinity);
parentPort?.postMessage(loop.failures);
