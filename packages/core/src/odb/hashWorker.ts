/** Entry of the second thread that hashes objects. */
import { workerData } from "node:worker_threads";
import { HashLoop } from "./hashLoop.ts";
import type { HashShare } from "./hashShare.ts";

new HashLoop(workerData as HashShare).step(Number.POSITIVE_INFINITY);
