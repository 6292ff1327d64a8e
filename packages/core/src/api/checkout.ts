import { lstatSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { warn } from "../base/events.ts";
import { CheckoutError, DvcError } from "../base/errors.ts";
import { isInside, type OsPath, type RelPath } from "../base/paths.ts";
import { type Plan, planCheckout, type Wanted } from "../data/checkout.ts";
import { removeUnusedLinks } from "../data/unusedLinks.ts";
import { Keeper } from "../repo/keep.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import type { Tree } from "../odb/tree.ts";
import { isImport } from "../pipeline/stage.ts";
import { broughtHash } from "../repo/broughtImports.ts";
import { cacheFor, keepManifests, recordedHash, type StageOutput } from "../repo/dataRoots.ts";
import { type Index, loadIndex, type Selected } from "../repo/index.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import { applyNoted, noteRemoved } from "../repo/noteData.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { trashHint } from "../repo/trash.ts";
import { agreedOutputs } from "./agreedOutputs.ts";
import { hashPath } from "./recordOutput.ts";

export interface CheckoutOptions extends CallOptions {
  readonly withDeps?: boolean;
  readonly recursive?: boolean;
  /** Replace or delete files whose content is not in the cache. */
  readonly force?: boolean;
  /** Make every link anew, even of what is unchanged. */
  readonly relink?: boolean;
  /** Don't fail when objects are missing. */
  readonly allowMissing?: boolean;
  /** Flush what is new before it gets its place. */
  readonly durable?: boolean;
  /** What imports hold that record no hash of their own, by the path of the output. */
  readonly partial?: ReadonlyMap<OsPath, Pick<StageOutput["out"], "hash" | "meta">>;
}

/** Changed outputs relative to the working folder, folders (with "/") first, each alphabetical; `stats` counts files. */
export interface CheckoutResult {
  readonly modified: readonly string[];
  readonly added: readonly string[];
  readonly deleted: readonly string[];
  readonly stats: { readonly modified: number; readonly added: number; readonly deleted: number };
}

/**
 * Makes the workspace equal to what is recorded. Without targets it also deletes unmodified data of stages that are gone.
 * @throws {DvcError} `unsaved-files` when content that is nowhere else would be lost and not `force`: nothing was changed then
 * @throws {CheckoutError} when objects are missing; everything else was checked out
 * @example const { added } = await checkout(repo, ["data.dvc"])
 */
export async function checkout(
  repo: Repo,
  targets: readonly string[] = [],
  options: CheckoutOptions = {},
): Promise<CheckoutResult> {
  return changeRepo(repo, "checkout", options, () => checkoutLocked(repo, targets, options));
}

/** The same for a caller that holds the repository's lock. */
export async function checkoutLocked(
  repo: Repo,
  targets: readonly string[],
  options: CheckoutOptions,
): Promise<CheckoutResult> {
  const index = loadIndex(repo);
  if (targets.length > 0) return checkoutSelected(repo, collect(index, targets, options), options);
  const agreed = agreedOutputs(repo, index);
  return checkoutSelected(repo, agreed, options, removeUnused(repo, index, options));
}

/** Data of stages that are gone; by force also what no cache has, which goes into the trash. */
function removeUnused(repo: Repo, index: Index, options: CheckoutOptions): OsPath[] {
  const keeper = options.force === true ? new Keeper(repo, "checkout") : undefined;
  const used = index.outs.map(({ out }) => out.path);
  const deleted = removeUnusedLinks(repo.root, used, repo.state, [repo.cache, repo.legacyCache], {
    ignore: repo.ignore,
    removing: (path, oid) => {
      noteRemoved(repo, path, oid);
    },
    keep: keeper && ((path): void => void keeper.keep(path)),
  });
  keeper?.finish();
  return deleted;
}

/** Makes the workspace equal to what these outputs record, whatever the files of the workspace say. For a caller that holds the lock. */
export async function checkoutSelected(
  repo: Repo,
  selected: readonly Selected[],
  options: CheckoutOptions,
  deleted: readonly OsPath[] = [],
): Promise<CheckoutResult> {
  const wants = wantedOf(repo, selected, options);
  const plans = planAll(repo, wants, await presentTrees(repo, wants, options), options);
  const unsaved = plans.flatMap(({ plan }) => plan.unsaved);
  if (unsaved.length > 0 && options.force !== true) {
    throw new DvcError(
      `Can't remove the following unsaved files without confirmation. Use \`--force\` to force.\n${unsaved.join("\n")}`,
      { code: "unsaved-files" },
    );
  }
  await applyNoted(
    repo,
    plans.map(({ plan }) => plan),
    options,
  );
  for (const { plan } of plans) keepPlanned(repo, plan);
  repo.state.save();
  return finish(repo, plans, deleted, neverBrought(selected, wants), options);
}

/** URL imports whose data never came and can't be told from what the cache holds: theirs is another kind of checksum. */
function neverBrought(selected: readonly Selected[], wants: readonly Want[]): OsPath[] {
  const wanted = new Set(wants.map(({ out }) => out.path));
  return selected.flatMap(({ stage, out: chosen }) => {
    const [dep] = stage.deps;
    if (!isImport(stage) || dep?.kind !== "file" || dep.hash === undefined) return [];
    return (chosen === undefined ? stage.outs : [chosen])
      .filter((out) => out.useCache && out.isLocal && out.hash === undefined && !wanted.has(out.path))
      .map(({ path }) => path)
      .filter((path) => lstatSync(path, { throwIfNoEntry: false }) === undefined);
  });
}

function keepPlanned(repo: Repo, plan: Plan): void {
  for (const { wanted } of plan.items)
    if (wanted.hash !== undefined && isDirHash(wanted.hash.value))
      keepManifests(repo, wanted.hash.name, [wanted.hash.value]);
}

function collect(index: Index, targets: readonly string[], options: CheckoutOptions): readonly Selected[] {
  try {
    return index.collect(targets, { recursive: options.recursive === true, withDeps: options.withDeps === true });
  } catch (error) {
    if (error instanceof DvcError && error.code === "not-found") {
      const target = targets.find((one) => error.message.includes(`'${one}'`)) ?? targets[0] ?? "";
      throw new DvcError(`Did you mean \`git checkout ${target}\`?`, { code: "not-found", cause: error });
    }
    throw error;
  }
}

interface Want extends StageOutput {
  readonly within: RelPath | undefined;
}

function wantedOf(repo: Repo, selected: readonly Selected[], options: CheckoutOptions): Want[] {
  const wants: Want[] = [];
  const seen = new Set<string>();
  for (const one of selected) {
    for (const out of one.out === undefined ? one.stage.outs : [one.out]) {
      const key = `${out.path}\0${one.within ?? ""}`;
      if (!out.useCache || !out.isLocal || seen.has(key)) continue;
      seen.add(key);
      if (out.hash === undefined && isImport(one.stage)) {
        const found = partialOf(repo, { stage: one.stage, out }, options);
        if (found === undefined) continue;
        checkOutputPath(repo, one.stage, out);
        wants.push({ stage: one.stage, out: { ...out, ...found }, within: one.within });
        continue;
      }
      checkOutputPath(repo, one.stage, out);
      if (out.hash === undefined) warn(options, `No file hash info found for '${out.path}'. It won't be created.`);
      wants.push({ stage: one.stage, out, within: one.within });
    }
  }
  return wants;
}

/** What an import that was never downloaded holds: as just fetched, else as its source was when it was locked. */
function partialOf(
  repo: Repo,
  one: StageOutput,
  options: CheckoutOptions,
): Pick<StageOutput["out"], "hash" | "meta"> | undefined {
  const fetched = options.partial?.get(one.out.path);
  // An import never has the source's execute bit.
  if (fetched !== undefined) return { hash: fetched.hash, meta: {} };
  // What is not here counts as missing, as in DVC; a storage's own kind of checksum names nothing in the cache.
  const hash = broughtHash(repo, one) ?? recordedHash(one);
  return hash?.name === "md5" ? { hash, meta: {} } : undefined;
}

interface PlannedCache {
  readonly plan: Plan;
  readonly wants: readonly Want[];
}

/**
 * The manifests of folders that are in the workspace as they were recorded, while the cache lost the manifest: what they hold needs
 * none of its objects.
 */
async function presentTrees(
  repo: Repo,
  wants: readonly Want[],
  options: CheckoutOptions,
): Promise<ReadonlyMap<OsPath, Tree>> {
  const trees = new Map<OsPath, Tree>();
  for (const { out } of wants) {
    if (out.hash === undefined || !isDirHash(out.hash.value) || trees.has(out.path)) continue;
    if (cacheFor(repo, out.hash).exists([out.hash.value]).size > 0) continue;
    if (lstatSync(out.path, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
    const name = out.hash.name === "md5-dos2unix" ? "md5-dos2unix" : "md5";
    const built = await hashPath(repo, out.path, name, { ...options, store: false }).catch(() => undefined);
    options.signal?.throwIfAborted();
    if (built?.tree !== undefined && built.hash.value === out.hash.value) trees.set(out.path, built.tree);
  }
  return trees;
}

/** One plan a cache (3.x, and legacy when there are such outputs); each with its outputs in the same order. */
function planAll(
  repo: Repo,
  wants: readonly Want[],
  trees: ReadonlyMap<OsPath, Tree>,
  options: CheckoutOptions,
): PlannedCache[] {
  const { cache, legacyCache } = repo;
  const isLegacy = ({ out }: Want): boolean => out.hash?.name === "md5-dos2unix";
  const groups = [
    { group: wants.filter((one) => !isLegacy(one)), caches: { cache, otherCache: legacyCache } },
    { group: wants.filter(isLegacy), caches: { cache: legacyCache, otherCache: cache } },
  ];
  return groups
    .filter(({ group }) => group.length > 0)
    .map(({ group, caches }) => ({
      wants: group,
      plan: planCheckout(
        group.map((want) => asWanted(want, trees.get(want.out.path))),
        {
          ...options,
          root: repo.root,
          ...caches,
          state: repo.state,
          ignore: repo.ignore,
          relink: options.relink === true,
          keepExec: true,
        },
      ),
    }));
}

function asWanted(want: Want, tree: Tree | undefined): Wanted {
  const { out, within } = want;
  return {
    path: out.path,
    hash: out.hash,
    meta: out.meta,
    ...(tree === undefined ? {} : { tree }),
    ...(within === undefined ? {} : { within }),
    key: want,
  };
}

function finish(
  repo: Repo,
  plans: readonly PlannedCache[],
  unused: readonly OsPath[],
  absent: readonly OsPath[],
  options: CheckoutOptions,
): CheckoutResult {
  const lists = { modified: [] as string[], added: [] as string[], deleted: unused.map((path) => shown(repo, path)) };
  const stats = { modified: 0, added: 0, deleted: unused.length };
  const failed = new Set(absent);
  for (const { plan } of plans) {
    for (const missing of plan.missing) failed.add(missing.wanted.path);
    for (const item of plan.items) {
      if (failed.has(item.wanted.path)) continue;
      stats.modified += item.modify.length;
      stats.added += item.create.length;
      stats.deleted += item.remove.length;
      if (item.change === "A") lists.added.push(shown(repo, item.wanted.path));
      else if (item.change === "D") lists.deleted.push(shown(repo, item.wanted.path));
      else if (item.change === "M") lists.modified.push(shown(repo, item.wanted.path));
    }
  }
  for (const list of Object.values(lists)) list.sort(foldersFirst);
  const result: CheckoutResult = { ...lists, stats };
  if (failed.size > 0 && options.allowMissing !== true) {
    throw new CheckoutError(
      [...failed].map((path) => relative(repo.env.cwd, path) || "."),
      result,
      trashHint(
        repo,
        plans.flatMap(({ plan }) => plan.missing.flatMap(({ oids }) => oids)),
      ),
    );
  }
  return result;
}

/** As DVC lists it: relative to the working folder, "/" behind folders; absolute when it is gone. */
function shown(repo: Repo, path: OsPath): string {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
    // What was a folder says so by its "/", which `relative` drops.
    const slash = path.endsWith("/") ? "/" : "";
    return isInside(repo.root, path) ? relative(repo.env.cwd, path) + slash : path;
  }
  const rel = relative(repo.env.cwd, path) || ".";
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? join(rel, "/") : rel;
}

function foldersFirst(a: string, b: string): number {
  const [dirA, dirB] = [a.endsWith("/"), b.endsWith("/")];
  if (dirA !== dirB) return dirA ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
