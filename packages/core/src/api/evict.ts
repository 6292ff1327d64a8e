import { lstatSync } from "node:fs";
import { join } from "node:path";
import { DvcError, UsageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { isInside } from "../base/paths.ts";
import { build } from "../data/build.ts";
import { holdsUnrecorded } from "../data/unrecorded.ts";
import { stagingPath } from "../data/swap.ts";
import { isLocalPathFileSystem } from "../fs/filesystem.ts";
import { removeTree } from "../fs/heldFolders.ts";
import { realPath } from "../fs/realPath.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import { isImport } from "../pipeline/stage.ts";
import { cacheFor, type StageOutput } from "../repo/dataRoots.ts";
import { loadIndex } from "../repo/index.ts";
import { note } from "../repo/journal.ts";
import { collectSharers } from "../repo/keptRoots.ts";
import { readManifest } from "../repo/manifests.ts";
import { UsedObjects } from "../repo/usedObjects.ts";
import { pushFilter, selectedOutputs } from "../repo/objects.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import { readBack } from "../repo/readBack.ts";
import { looking } from "../repo/looking.ts";
import { openRemote } from "../repo/remote.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { withCacheGuard } from "../repo/sharedCache.ts";
import { withSharersLocks } from "../repo/sharersLocks.ts";
import { shownPath } from "../repo/shown.ts";

export interface EvictOptions extends CallOptions {
  /** Where the data must be; the remote that each output names, else the default one. */
  readonly remote?: string;
  /** A folder stands for everything tracked below it. */
  readonly recursive?: boolean;
  /** Leave the files of the workspace. */
  readonly cacheOnly?: boolean;
  readonly jobs?: number;
  /** Verify, and say what would be freed. */
  readonly dry?: boolean;
}

/** One output: freed, or why it stays. */
export interface EvictedOutput {
  readonly path: string;
  /** Objects and bytes removed from the cache; what other outputs need, too, stays. */
  readonly objects: number;
  readonly bytes: number;
  /** Whether its files in the workspace are gone. */
  readonly isWorkspaceFreed: boolean;
  /** Why nothing of it was touched; undefined when it was freed. */
  readonly kept?: string;
}

/**
 * Frees the local copies of data, cache and workspace, that a remote holds: each object is read back from there and hashed
 * first. Edited data and data that is not on the remote stay. Pointer files and manifests stay, so that `pull` brings all back.
 * @throws {ConfigError} without a remote, {StorageError} when it can't be used, {UsageError} for a part of a folder
 * @example await evict(repo, ["data/raw.dvc"])
 */
export async function evict(
  repo: Repo,
  targets: readonly string[],
  options: EvictOptions = {},
): Promise<readonly EvictedOutput[]> {
  if (options.dry === true)
    return changeRepo(repo, "evict", options, () => looking(repo, () => evictLocked(repo, targets, options)));
  return withCacheGuard(repo, options, () =>
    changeRepo(repo, "evict", options, () => evictLocked(repo, targets, options)),
  );
}

async function evictLocked(
  repo: Repo,
  targets: readonly string[],
  options: EvictOptions,
): Promise<readonly EvictedOutput[]> {
  const index = loadIndex(repo);
  const selected = selectedOutputs(index.collect(targets, { recursive: options.recursive === true }));
  const part = selected.find(({ within }) => within !== undefined);
  if (part !== undefined)
    throw new UsageError(
      `'${join(shownPath(repo, part.out), part.within ?? "")}' is a part of '${shownPath(repo, part.out)}': only the whole can be evicted`,
    );
  const chosen = new Set(selected.map(({ out }) => out.path));
  const others = index.outs.filter(({ out }) => !chosen.has(out.path));
  const needed = await objectsNeeded(repo, others, options);
  const plans: Plan[] = [];
  for (const one of selected) if (one.out.useCache && one.out.isLocal) plans.push(await planOf(repo, one, options));
  const free = async (): Promise<EvictedOutput[]> => {
    // Their remotes may be others than ours.
    const sharers = new UsedObjects();
    await collectSharers(repo, sharers, { ...options, dry: true });
    for (const oid of sharers.all) needed.add(oid);
    const results: EvictedOutput[] = [];
    for (const plan of plans) results.push(await evictOne(repo, plan, needed, options));
    return results;
  };
  // What others are just storing is named by none of their pointer files yet. They need not wait while the remote is read.
  return options.dry === true ? free() : withSharersLocks(repo, [], options, free);
}

/** An output, its objects, and why it stays; `kept` is undefined when the remote has it all. */
interface Plan {
  readonly one: StageOutput;
  readonly oids: ReadonlySet<string>;
  readonly kept: string | undefined;
}

async function planOf(repo: Repo, one: StageOutput, options: EvictOptions): Promise<Plan> {
  const oids = await objectsOf(repo, one, options);
  if (oids === undefined) return { one, oids: new Set(), kept: "its manifest is neither here nor on the remote" };
  const kept = (await reasonHere(repo, one, options)) ?? (await reasonThere(repo, one, oids, options));
  return { one, oids, kept };
}

async function evictOne(
  repo: Repo,
  { one, oids, kept: before }: Plan,
  needed: ReadonlySet<string>,
  options: EvictOptions,
): Promise<EvictedOutput> {
  const path = shownPath(repo, one.out);
  // Looked at anew: to read the remote may have taken hours.
  const kept = before ?? (await reasonHere(repo, one, options));
  if (kept !== undefined) return { path, objects: 0, bytes: 0, isWorkspaceFreed: false, kept };
  // Workspace first: whatever happens in between, the remote has it all.
  const isWorkspaceFreed = options.cacheOnly !== true && removeData(repo, one, options.dry === true);
  const cache = cacheFor(repo, { name: hashNameOf(one), value: "" });
  const total = { objects: 0, bytes: 0 };
  for (const oid of oids) {
    // A manifest takes little, and without it nothing could be told of the folder.
    if (isDirHash(oid) || needed.has(oid)) continue;
    const size = cache.sizeOf(oid);
    if (size === undefined) continue;
    if (options.dry !== true) cache.remove(oid);
    total.objects++;
    total.bytes += size;
  }
  return { path, ...total, isWorkspaceFreed };
}

async function reasonHere(repo: Repo, one: StageOutput, options: EvictOptions): Promise<string | undefined> {
  if (one.out.hash === undefined) return "nothing is recorded of it";
  if (isImport(one.stage) && !pushFilter(options.remote)(one)) return "it is an import, which is not pushed";
  if (!pushFilter(options.remote)(one)) return "it is not pushed to that remote";
  checkOutputPath(repo, one.stage, one.out);
  const stat = lstatSync(one.out.path, { throwIfNoEntry: false });
  if (stat !== undefined) {
    const { hash, tree } = await build(one.out.path, {
      ...options,
      state: repo.state,
      ignore: repo.ignore,
      hashName: hashNameOf(one),
    });
    if (hash.value !== one.out.hash.value) return "its files in the workspace were changed";
    if (options.cacheOnly !== true && holdsUnrecorded(one.out.path, tree))
      return "its folder holds ignored files, which no remote has";
    if (options.cacheOnly === true && hasLinks(repo)) return "its files are links into the cache (cache.type)";
  }
  return undefined;
}

async function reasonThere(
  repo: Repo,
  one: StageOutput,
  oids: ReadonlySet<string>,
  options: EvictOptions,
): Promise<string | undefined> {
  const legacy = hashNameOf(one) === "md5-dos2unix";
  const remote = await openRemote(repo, one.out.remote ?? options.remote, { ...options, legacy });
  try {
    if (isCacheItself(repo, remote)) return `remote '${remote.name}' is the cache itself`;
    const { bad, missing } = await readBack(repo, remote, oids, options);
    if (bad.length + missing.length === 0) return undefined;
    const counts = [
      ...(missing.length > 0 ? [`lacks ${String(missing.length)} of its objects`] : []),
      ...(bad.length > 0 ? [`holds ${String(bad.length)} of its objects damaged`] : []),
    ];
    return `remote '${remote.name}' ${counts.join(" and ")}`;
  } finally {
    await remote.fs.close();
  }
}

/** A copy that goes with the cache is none. */
function isCacheItself(repo: Repo, { fs, root }: RemoteDb): boolean {
  if (!isLocalPathFileSystem(fs)) return false;
  const [place, cache] = [realPath(fs.localPath(root)), realPath(repo.cacheDir)];
  return isInside(cache, place) || isInside(place, cache);
}

function hasLinks(repo: Repo): boolean {
  return repo.cache.linkTypes.includes("symlink");
}

function removeData(repo: Repo, { out }: StageOutput, dry: boolean): boolean {
  if (lstatSync(out.path, { throwIfNoEntry: false }) === undefined) return false;
  if (dry) return true;
  note(repo, { kind: "data", path: out.path, before: out.hash ?? null, after: null });
  removeTree(repo.root, out.path, stagingPath(repo.tmpDir));
  return true;
}

function hashNameOf({ out }: StageOutput): "md5" | "md5-dos2unix" {
  return out.hash?.name === "md5-dos2unix" ? "md5-dos2unix" : "md5";
}

/** Undefined when the manifest is nowhere. */
async function objectsOf(repo: Repo, one: StageOutput, options: CallOptions): Promise<Set<string> | undefined> {
  const oid = one.out.hash?.value;
  if (oid === undefined || !isDirHash(oid)) return new Set(oid === undefined ? [] : [oid]);
  const tree = await readManifest(repo, one, options);
  return tree && new Set([oid, ...tree.md5s()]);
}

/** What outputs that are not evicted need of the cache. @throws {DvcError} when that can't be known */
async function objectsNeeded(repo: Repo, outs: readonly StageOutput[], options: CallOptions): Promise<Set<string>> {
  const needed = new Set<string>();
  for (const one of outs) {
    if (!one.out.useCache || !one.out.isLocal) continue;
    const oids = await objectsOf(repo, one, options).catch((error: unknown) => {
      if (error instanceof DvcError && error.code !== "corrupt-object" && error.code !== "unsafe-path")
        return undefined;
      throw error;
    });
    // Of a folder whose manifest is nowhere nothing can be in use here.
    for (const oid of oids ?? []) needed.add(oid);
  }
  return needed;
}
