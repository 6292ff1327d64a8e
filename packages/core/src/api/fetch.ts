import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { isVersionedImport } from "../pipeline/changed.ts";
import { isImport } from "../pipeline/stage.ts";
import type { PartialImports } from "./fetchImports.ts";
import { comesFromSource, isAtSourceToo } from "./importSource.ts";
import { fetch as fetchObjects } from "../odb/transfer.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import { type CollectedRevision, type CollectOptions, collectRevisions } from "../repo/collectRevisions.ts";
import { cacheFor, keepManifests, type StageOutput } from "../repo/dataRoots.ts";
import { withRepoLock } from "../repo/locks.ts";
import { collectObjects, type ObjectGroup, type OutputFilter, partFiles } from "../repo/objects.ts";
import type { Stage } from "../pipeline/stage.ts";
import { openRemote } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import { pullRuns } from "../repo/runCache.ts";
import { reportTransfer, type Transferred } from "../repo/transferReport.ts";
import { isVersioned } from "../repo/versionedRemote.ts";
import { VersionedOutputs } from "../repo/versionedOutputs.ts";

export interface FetchOptions extends CallOptions, CollectOptions {
  /** Name of the remote; the default one when not given. */
  readonly remote?: string;
  readonly jobs?: number;
  readonly runCache?: boolean;
  /** Bytes; only outputs recorded as smaller. */
  readonly maxSize?: number;
  /** Only outputs of these kinds. */
  readonly types?: readonly ("metrics" | "plots")[];
}

/** `fetched` counts objects, manifests among them. */
export interface FetchResult {
  readonly fetched: number;
  readonly bytes: number;
}

/**
 * Downloads into the cache what it lacks. Each object is checked against its hash before it gets its name. What is
 * neither here nor there is a warning.
 * @throws {DvcError} when objects could not be downloaded (the others were)
 */
export async function fetch(
  repo: Repo,
  targets: readonly string[] = [],
  options: FetchOptions = {},
): Promise<FetchResult> {
  const { fetched, bytes } = await withRepoLock(repo, options, () => fetchLocked(repo, targets, options));
  return { fetched, bytes };
}

/** A fetch's result with what was found for imports of the workspace that record no hash. */
export interface FetchedLocked extends FetchResult {
  readonly partial: PartialImports;
}

/** The same for a caller that holds the repository's lock. */
export async function fetchLocked(
  repo: Repo,
  targets: readonly string[],
  options: FetchOptions,
): Promise<FetchedLocked> {
  if (options.runCache === true && !isVersioned(repo, options.remote)) await fetchRuns(repo, options);
  return fetchCollected(repo, collectRevisions(repo, targets, { ...options, needed: "used" }), options);
}

/** Without a remote there are no runs to have; what is missing of data is told later. */
async function fetchRuns(repo: Repo, options: FetchOptions): Promise<void> {
  try {
    await pullRuns(repo, await openRemote(repo, options.remote, options), options);
  } catch (error) {
    if (!(error instanceof DvcError) || error.code !== "no-remote") throw error;
  }
}

/** Downloads what these revisions need of these outputs. For a caller that holds the lock. */
export async function fetchCollected(
  repo: Repo,
  collected: readonly Pick<CollectedRevision, "selected" | "index">[],
  options: FetchOptions,
): Promise<FetchedLocked> {
  const groups = new Map<string, ObjectGroup>();
  const total: Transferred = { count: 0, bytes: 0, failed: 0 };
  const filter = filterOf(options);
  let partial: PartialImports = new Map();
  const versioned = new VersionedOutputs(repo, options.remote);
  for (const { selected, index } of collected) {
    const isFromRemote = (one: StageOutput): boolean => filter(one) && !comesFromSource(one);
    collectObjects(repo, selected, (one) => isFromRemote(one) && !versioned.has(one), groups);
    for (const [name, wants] of versioned.byRemote(selected, isFromRemote)) {
      const { fetchVersioned } = await import("../repo/fetchVersioned.ts");
      reportTransfer(repo, await fetchVersioned(repo, name, wants, options), { hashName: "md5" }, total, options);
    }
    if (!selected.some(({ stage }) => isImport(stage))) continue;
    const { fetchImports } = await import("./fetchImports.ts");
    const isFromSource = (one: StageOutput): boolean => filter(one) && comesFromSource(one);
    const found = await fetchImports(repo, selected, isFromSource, total, options);
    if (index.rev === undefined) partial = found;
  }
  for (const group of groups.values()) await fetchGroup(repo, group, options, total);
  for (const { selected } of collected) {
    if (!selected.some(({ stage }) => isVersionedImport(stage))) continue;
    const { fetchImports } = await import("./fetchImports.ts");
    await fetchImports(repo, selected, (one) => filter(one) && isAtSourceToo(one), total, options);
  }
  return { ...resultOf(total), partial };
}

/** Downloads the objects of a stage's outputs as they are given, whatever is recorded. For a caller that holds the lock. */
export async function fetchOutputs(repo: Repo, stage: Stage, options: CallOptions): Promise<FetchResult> {
  const groups = new Map<string, ObjectGroup>();
  const total: Transferred = { count: 0, bytes: 0, failed: 0 };
  collectObjects(repo, [{ stage }], () => true, groups);
  for (const group of groups.values()) await fetchGroup(repo, group, options, total);
  return resultOf(total);
}

function resultOf(total: Transferred): FetchResult {
  if (total.noSource !== undefined) throw total.noSource;
  if (total.failed > 0) throw new DvcError(`${String(total.failed)} files failed to download`, { code: "storage" });
  return { fetched: total.count, bytes: total.bytes };
}

function filterOf(options: FetchOptions): OutputFilter {
  return ({ out }: StageOutput) => {
    if (options.remote !== undefined && out.remote !== undefined && out.remote !== options.remote) return false;
    if (options.maxSize !== undefined && out.meta.size !== undefined && out.meta.size >= options.maxSize) return false;
    if (options.types === undefined || options.types.length === 0) return true;
    return options.types.some((type) => (type === "metrics" ? isSet(out.metric) : isSet(out.plot)));
  };
}

function isSet(flag: unknown): boolean {
  return flag !== undefined && flag !== false;
}

async function fetchGroup(repo: Repo, group: ObjectGroup, options: FetchOptions, total: Transferred): Promise<void> {
  const remote = await remoteOrNone(repo, group, options);
  if (remote === undefined) return;
  try {
    const cache = cacheFor(repo, { name: group.hashName, value: "" });
    const parts = [...group.parts.keys()].filter((oid) => !group.dirs.has(oid));
    const listed = await fetchObjects(
      cache,
      remote,
      { files: new Set(), dirs: new Set(parts), onlyListed: true },
      options,
    );
    reportTransfer(repo, listed, group, total, options);
    const files = new Set([...group.files, ...parts.flatMap((oid) => partFiles(repo, group, oid))]);
    reportTransfer(
      repo,
      await fetchObjects(cache, remote, { files, dirs: group.dirs }, options),
      group,
      total,
      options,
    );
    keepManifests(repo, group.hashName, [...group.dirs, ...parts]);
  } finally {
    await remote.fs.close();
  }
}

/** No remote at all is no error as long as nothing says which one: there is just nothing to fetch from. */
async function remoteOrNone(repo: Repo, group: ObjectGroup, options: FetchOptions): Promise<RemoteDb | undefined> {
  const name = group.remote ?? options.remote;
  try {
    return await openRemote(repo, name, { ...options, legacy: group.hashName === "md5-dos2unix" });
  } catch (error) {
    if (name === undefined && error instanceof DvcError && error.code === "no-remote") return undefined;
    throw error;
  }
}
