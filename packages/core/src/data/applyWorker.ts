/** Entry of the second thread that builds files of a checkout. */
import { workerData } from "node:worker_threads";
import type { FileBatch } from "./applyFiles.ts";
import { FileBuilder } from "./applyFiles.ts";
import { ObjectLanes } from "./objectLanes.ts";

const batch = workerData as FileBatch;
const builder = new FileBuilder(batch, new ObjectLanes(), true);
try {
  while (builder.step());
} catch (error) {
  // The other thread stops, too, and reports.
  Atomics.store(batch.shared.control, 1, 1);
  throw error;
}
