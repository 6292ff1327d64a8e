import { workerData } from "node:worker_threads";
import type { WriteRing } from "./writeRing.ts";
import { drainRing } from "./writeRing.ts";

// A worker thread: writes what the main thread reads and hashes.
drainRing(workerData as WriteRing);
