/** Entry of the second thread that copies small objects between the cache and a folder. */
import { workerData } from "node:worker_threads";
import { CopyLoop } from "./copyLoop.ts";
import type { CopyShare } from "./copyShare.ts";

const { share, thread } = workerData as { share: CopyShare; thread: number };
const loop = new CopyLoop(share, thread);
while (loop.step());
