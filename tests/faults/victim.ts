/** A child process that works on a cache and is killed by itself, with SIGKILL, at a named point. */
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { applyPlan, planCheckout } from "../../packages/core/src/data/checkout.ts";
import { ObjectDb } from "../../packages/core/src/odb/objectDb.ts";
import type { LinkType } from "../../packages/core/src/odb/linker.ts";
import { openState } from "../../packages/core/src/odb/state.ts";

const [root = "", task = "", subject = "", point = "", nth = "1", linkType = "copy"] = process.argv.slice(2);
const state = openState(join(root, ".dvc/state"));
const cache = new ObjectDb(join(root, ".dvc/cache"), { layout: "3.x", state, linkTypes: [linkType as LinkType] });
let left = Number(nth);

/** Dies at the n-th time that `point` is reached. */
function reach(name: string): void {
  if (name !== point || --left > 0) return;
  writeSync(openSync(join(root, "killed"), "w"), name);
  process.kill(process.pid, "SIGKILL");
}

if (task === "checkout") {
  const wanted = { path: join(root, "data"), hash: { name: "md5" as const, value: subject }, meta: {}, key: 0 };
  await applyPlan(planCheckout([wanted], { root, cache, state }), { onPoint: reach });
} else {
  const signal = { throwIfAborted: () => reach("block") } as AbortSignal;
  if (task === "addFile") cache.addFile(join(root, "big"), subject, { signal });
  else cache.ingest(join(root, "big"), { signal });
  cache.flush();
}
state.save();
