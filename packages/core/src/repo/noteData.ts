import { lstatSync } from "node:fs";
import type { CallOptions } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { build, type Built } from "../data/build.ts";
import { applyPlan, type Plan } from "../data/checkout.ts";
import type { PlanItem } from "../data/plan.ts";
import type { Output } from "../pipeline/stage.ts";
import { flushJournal, isNoting, note } from "./journal.ts";
import { Keeper, manifestText } from "./keep.ts";
import type { Repo } from "./repo.ts";

/** Applies plans, and notes what each output held before; what is in no cache goes into the trash. */
export async function applyNoted(
  repo: Repo,
  plans: readonly Plan[],
  options: CallOptions & { readonly keeper?: Keeper; readonly durable?: boolean },
): Promise<void> {
  const keeper = options.keeper ?? new Keeper(repo, "checkout");
  try {
    for (const plan of plans) {
      if (isNoting(repo)) for (const item of plan.items) await noteItem(repo, item, plan, options);
      flushJournal(repo);
      await applyPlan(plan, { ...options, keep: (path) => keeper.keep(path) });
    }
  } finally {
    if (options.keeper === undefined) keeper.finish();
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
    const before = { name: hashName, value: item.before };
    note(repo, { kind: "data", path, before, ...after }, { soft: true });
    return;
  }
  const held = change === "A" && wanted.within === undefined ? undefined : await look(repo, path, hashName, options);
  const before =
    held === undefined ? { before: null, ...after } : { before: held.hash, ...after, ...manifestText(repo, held) };
  note(repo, { kind: "data", path, ...before }, { soft: true });
}

/** What a path holds now; undefined when nothing, or something that has no hash, is there. */
export async function look(
  repo: Repo,
  path: OsPath,
  hashName: "md5" | "md5-dos2unix",
  options: CallOptions,
): Promise<Built | undefined> {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const { signal, reporter } = options;
  const call = { ...(signal === undefined ? {} : { signal }), ...(reporter === undefined ? {} : { reporter }) };
  try {
    return await build(path, { ...call, state: repo.state, ignore: repo.ignore, hashName });
  } catch {
    signal?.throwIfAborted();
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
  const held =
    out.hash === undefined || !out.useCache ? undefined : await look(repo, out.path, hashNameOf(out), options);
  keeper.drop(out.path, held);
}

/** The kind of hash that an output is recorded by. */
export function hashNameOf({ hash }: Pick<Output, "hash">): "md5" | "md5-dos2unix" {
  return hash?.name === "md5-dos2unix" ? "md5-dos2unix" : "md5";
}
