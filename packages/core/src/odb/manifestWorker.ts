/** Entry of the second thread that looks at a folder's objects while the first walks the workspace. */
import { workerData } from "node:worker_threads";
import { ALL_INTACT, DOUBTFUL, type ManifestShare } from "./manifestCheck.ts";
import { isPlainlyWhole } from "./manifestScan.ts";
import { ObjectDb } from "./objectDb.ts";

const { root, layout, oid, verdict } = workerData as ManifestShare;
let answer = DOUBTFUL;
try {
  if (isPlainlyWhole(new ObjectDb(root, { layout }), oid)) answer = ALL_INTACT;
} finally {
  Atomics.store(verdict, 0, answer);
  Atomics.notify(verdict, 0);
}
