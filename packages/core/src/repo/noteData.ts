import { lstatSync, rmSync } from "node:fs";
import type { CallOptions } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { build, type Built } from "../data/build.ts";
import { applyPlan, type Plan } from "../data/checkout.ts";
import type { PlanItem } from "../data/plan.ts";
import type { Output } from "../pipeline/stage.ts";
import { cacheFor } from "./dataRoots.ts";
import { isNoting, note } from "./journal.ts";
import { Keeper } from "./keep.ts";
import type { Repo } from "./repo.ts";

/** Applies plans, and notes what each output held before; what is in no cache goes into the trash. */
export async function applyNoted(repo: Repo, plans: readonly Plan[], options: CallOptions): Promise<void> {
  const keeper = new Keeper(repo, "checkout");
  try {
    for (const plan of plans) {
      if (isNoting(repo)) for (const item of plan.items) await noteItem(repo, item, plan, options);
      await applyPlan(plan, { ...options, keep: (path) => keeper.keep(path) });
    }
  } finally {
    keeper.finish();
  }
}

/** One line for an output that changes: folders by their manifests, no list of files. */
async function noteItem(repo: Repo, item: PlanItem, plan: Plan, options: CallOptions): Promise<void> {
  const { wanted, change } = item;
  if (wanted.hash === undefined || change === undefined) return;
  const { path } = wanted;
  // Of a part of a folder nobody knows yet what the whole will be.
  const after = wanted.within === undefined ? { after: wanted.hash } : {};
  const { hashName } = plan.options.cache;
  if (item.before !== undefined) {
    note(repo, { kind: "data", path, before: { name: hashName, value: item.before }, ...after });
    return;
  }
  const held = change === "A" && wanted.within === undefined ? undefined : await look(repo, path, hashName, options);
  if (held === undefined) note(repo, { kind: "data", path, before: null, ...after });
  else note(repo, { kind: "data", path, before: held.hash, ...after, ...manifestText(repo, held) });
}

/** The manifest of a folder that was never stored: the cache does not have it. */
function manifestText(repo: Repo, { hash, tree }: Built): { readonly manifest?: string } {
  if (tree === undefined || cacheFor(repo, hash).exists([hash.value]).size > 0) return {};
  return { manifest: tree.serialize().toString("utf8") };
}

/** What a path holds now; undefined when nothing, or something that has no hash, is there. */
export async function look(
  repo: Repo,
  path: OsPath,
  hashName: "md5" | "md5-dos2unix",
  options: CallOptions,
): Promise<Built | undefined> {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  try {
    return await build(path, { ...options, state: repo.state, ignore: repo.ignore, hashName });
  } catch {
    options.signal?.throwIfAborted();
    return undefined; // a broken link, a pipe: it is kept as it is
  }
}

/** Notes that data goes which the cache can bring back. */
export function noteRemoved(repo: Repo, path: OsPath, oid: string): void {
  const name = repo.cache.exists([oid]).size > 0 ? "md5" : "md5-dos2unix";
  note(repo, { kind: "data", path, before: { name, value: oid }, after: null });
}

/** Removes the data of an output from the workspace: what the cache has as it is goes, anything else into the trash. */
export async function removeData(repo: Repo, out: Output, keeper: Keeper, options: CallOptions): Promise<void> {
  if (lstatSync(out.path, { throwIfNoEntry: false }) === undefined) return;
  const name = out.hash?.name === "md5-dos2unix" ? "md5-dos2unix" : "md5";
  const held = out.hash === undefined || !out.useCache ? undefined : await look(repo, out.path, name, options);
  if (held === undefined || held.hash.value !== out.hash?.value || !keeper.mayDrop(out.path, held)) {
    keeper.keep(out.path);
    return;
  }
  note(repo, { kind: "data", path: out.path, before: held.hash, after: null });
  rmSync(out.path, { recursive: true, force: true });
}
