/** Entry of the second thread that looks at objects of the cache while the first walks the workspace. */
import { workerData } from "node:worker_threads";
import { type IntactShare, scanIntact } from "./intactScan.ts";

scanIntact(workerData as IntactShare);
