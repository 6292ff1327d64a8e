/** Entry of the second thread that looks at a folder's objects while the first walks the workspace. */
import { statSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { ALL_INTACT, DOUBTFUL, type ManifestShare } from "./manifestCheck.ts";
import { ObjectDb, OBJECT_MODE } from "./objectDb.ts";

const { root, layout, oid, verdict } = workerData as ManifestShare;
const isWhole = (): boolean => {
  const cache = new ObjectDb(root, { layout });
  const isPlain = (path: string): boolean => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat !== undefined && stat.isFile() && (stat.mode & 0o7777) === OBJECT_MODE;
  };
  if (!isPlain(cache.pathOf(oid))) return false;
  const tree = cache.peekTree(oid);
  return tree !== undefined && tree.entries.every((entry) => isPlain(cache.pathOf(entry.md5)));
};
let answer = DOUBTFUL;
try {
  if (isWhole()) answer = ALL_INTACT;
} finally {
  Atomics.store(verdict, 0, answer);
  Atomics.notify(verdict, 0);
}
