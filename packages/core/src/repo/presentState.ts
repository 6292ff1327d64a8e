import { join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { build } from "../data/build.ts";
import { type HashInfo, isDirHash } from "../hash/hashInfo.ts";
import { IntactCheck } from "../odb/intactCheck.ts";
import { ManifestCheck } from "../odb/manifestCheck.ts";
import { type FileDependency, isVersionedImport, type PresentState } from "../pipeline/changed.ts";
import type { Dependency, Output, Stage } from "../pipeline/stage.ts";
import { datasetState, loadDatasets } from "./datasets.ts";
import { cacheFor } from "./dataRoots.ts";
import type { Repo } from "./repo.ts";
import { cloneFailure } from "../scm/clone.ts";
import { Git } from "../scm/git.ts";
import { shownPath } from "./shown.ts";
import { isLocalUrl, usableUrl } from "./sourceUrl.ts";

/** How the present state of a workspace is found out. */
export interface PresentOptions extends CallOptions {
  /** Ask the sources of imports whether they have something newer. */
  readonly checkUpdates?: boolean;
  /** What is at the source of a dependency on a storage now; undefined when nothing. Without it, storages are not asked. */
  readonly lookAt?: (dep: FileDependency, options: CallOptions) => Promise<FileDependency | undefined>;
  /** Only this part of a tracked folder must be in the cache; "/"-separated, relative to the output. */
  readonly within?: string;
  /** Of an output that the cache has lost nothing else is asked: it may hold links to what is no more. Otherwise they are an error. */
  readonly outputStatesOnly?: boolean;
}

/** The workspace, the cache and the params files as they are now, as far as `stage` asks for them. */
export async function presentState(repo: Repo, stage: Stage, options: PresentOptions): Promise<PresentState> {
  // `within` narrows what must be in the cache, not what is hashed: a folder changes as a whole.
  const { within, outputStatesOnly, ...whole } = options;
  const checks = new Map(
    stage.outs.flatMap((out) =>
      out.useCache && out.hash !== undefined
        ? [[out, cacheCheck(repo, out.hash, out.meta.nfiles, within)] as const]
        : [],
    ),
  );
  const isLost = (entry: Output | Dependency): boolean =>
    outputStatesOnly === true && !("kind" in entry) && checks.get(entry)?.() === false;
  const hashes = await currentHashes(repo, stage, { ...whole, isLost });
  const moved = await lookAtStorages(stage, hashes, options);
  const datasets = stage.deps.some((dep) => dep.kind === "dataset") ? loadDatasets(repo) : undefined;
  return {
    hashOf: (entry) => hashes.get(entry),
    inCache: (out) => checks.get(out)?.() === true,
    text: (entry) => shownPath(repo, entry),
    readText: (path) => repo.workspace.readText(path),
    ...(datasets === undefined
      ? {}
      : { datasetOf: (dep: Dependency) => (dep.kind === "dataset" ? datasetState(datasets, dep) : undefined) }),
    ...(options.checkUpdates === true
      ? {
          updateOf: (dep: Dependency) =>
            moved.has(dep) || hasUpdate(repo, stage, dep) ? ("update available" as const) : undefined,
        }
      : {}),
  };
}

/** The hashes of what is in the workspace now, for every output and file dependency; absent ones have none. */
async function currentHashes(
  repo: Repo,
  stage: Stage,
  options: CallOptions & { readonly isLost: (entry: Output | Dependency) => boolean },
): Promise<Map<Output | Dependency, string>> {
  const hashes = new Map<Output | Dependency, string>();
  const entries: (Output | Dependency)[] = [...stage.outs, ...(stage.frozen ? [] : stage.deps)];
  for (const entry of entries) {
    if ("kind" in entry && entry.kind !== "file") continue;
    if (!entry.isLocal || !repo.workspace.exists(entry.path) || isIgnored(repo, entry)) continue;
    const hashName = entry.hashName === "md5-dos2unix" ? "md5-dos2unix" : "md5";
    try {
      const built = await build(entry.path, { ...options, state: repo.state, ignore: repo.ignore, hashName });
      hashes.set(entry, built.hash.value);
    } catch (error) {
      // Links to objects that the cache has lost lead nowhere. That it lost them is what there is to say.
      if (!(error instanceof DvcError) || error.code !== "not-found" || !options.isLost(entry)) throw error;
    }
  }
  return hashes;
}

/** Adds the hashes of dependencies on storages. @returns those of which there is another version */
async function lookAtStorages(
  stage: Stage,
  hashes: Map<Output | Dependency, string>,
  options: PresentOptions,
): Promise<Set<Dependency>> {
  const moved = new Set<Dependency>();
  const { lookAt } = options;
  const isAsked = !stage.frozen || (options.checkUpdates === true && isVersionedImport(stage));
  if (lookAt === undefined || !isAsked) return moved;
  for (const dep of stage.deps) {
    if (dep.kind !== "file" || dep.isLocal) continue;
    const now = await lookAt(dep, options);
    if (now?.hash !== undefined) hashes.set(dep, now.hash.value);
    const { versionId } = dep.meta;
    if (versionId !== undefined && now !== undefined && now.meta.versionId !== versionId) moved.add(dep);
  }
  return moved;
}

function isIgnored(repo: Repo, entry: Output | Dependency): boolean {
  return !("kind" in entry) && repo.ignore.file(entry.path) && repo.ignore.dir(entry.path);
}

/** Whether everything that a hash needs is in the cache: its object, and for a folder its files (those `within`). */
export function isInCache(repo: Repo, hash: HashInfo, within?: string): boolean {
  return cacheCheck(repo, hash, undefined, within)();
}

/** Begins to look for everything that an output needs: its object, and for a folder its files (those `within`). */
function cacheCheck(repo: Repo, hash: HashInfo, nfiles: number | undefined, within: string | undefined): () => boolean {
  const cache = cacheFor(repo, hash);
  if (cache.check(hash.value) !== "ok") return () => false;
  if (!isDirHash(hash.value)) return () => true;
  if (within === undefined) {
    const check = new ManifestCheck(cache, hash.value, nfiles, repo.state.cacheLooks);
    return () => check.isWhole();
  }
  const tree = cache.readTree(hash.value);
  if (tree === undefined) return () => false;
  const entries = [tree.get(within), ...tree.under(within)].filter((entry) => entry !== undefined);
  const check = new IntactCheck(
    cache,
    entries.map((entry) => entry.md5),
  );
  return () => check.missing().length === 0;
}

/** Whether the source of an import has moved on. Asked through Git, whether this project has one or not. */
function hasUpdate(repo: Repo, stage: Stage, dep: Dependency): boolean {
  if (dep.kind !== "repo" || dep.repo.revLock === undefined) return false;
  const url = usableUrl(repo, stage, dep.repo.url);
  const local = isLocalUrl(url) ? Git.find(url, repo.env)?.root : undefined;
  const newest = newestCommit(repo, local ?? url, dep.repo.rev);
  return newest !== undefined && newest !== dep.repo.revLock;
}

function newestCommit(repo: Repo, url: string, rev: string | undefined): string | undefined {
  try {
    return Git.revAt(repo.env, url, rev);
  } catch (error) {
    throw cloneFailure(error, url, join(repo.dvcDir, "tmp"));
  }
}
