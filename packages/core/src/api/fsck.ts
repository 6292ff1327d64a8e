import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { UsageError } from "../base/errors.ts";
import { info } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { temporaryPath } from "../fs/atomic.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import type { BadObject, CheckOptions, StoreCheck } from "../odb/checkTypes.ts";
import { checkLocal, checkLocalObjects } from "../odb/localCheck.ts";
import { checkObjects, checkRemote } from "../odb/remoteCheck.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import { CheckPointFile } from "../repo/checkPoints.ts";
import { withRepoLock } from "../repo/locks.ts";
import { pushFilter } from "../repo/objects.ts";
import { type References, references } from "../repo/references.ts";
import { openRemote, remoteNameOf } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import type { FsckFinding, FsckOptions, FsckResult, FsckStore } from "./fsckTypes.ts";
import { repairCache, repairRemote } from "./fsckRepair.ts";

export type { FsckFinding, FsckOptions, FsckResult, FsckStore } from "./fsckTypes.ts";

/** A store's own findings, before and after repair. */
interface Checked {
  readonly store: Omit<FsckStore, "findings">;
  readonly bad: readonly BadObject[];
  /** Needed, and not there. */
  missing: string[];
  readonly names: ReadonlyMap<string, string>;
  readonly pathOf: (oid: string) => string;
  readonly repair: (findings: readonly FsckFinding[]) => Promise<readonly FsckFinding[]>;
}

/**
 * Hashes every object of the cache, and of a remote when asked, reads every manifest, and looks for each object that the
 * workspace and the revisions asked for need. Without `repair` nothing is changed. An interrupted run goes on where it
 * stopped. With a remote, what is missing in the cache but sound there is no problem.
 * @throws {ConfigError} for an unknown remote, {StorageError} when a remote can't be listed, the signal's reason
 * @example const { ok, stores } = await fsck(repo, { allCommits: true, remote: "storage" })
 */
export async function fsck(repo: Repo, options: FsckOptions = {}): Promise<FsckResult> {
  return withRepoLock(repo, { ...options, readOnly: options.repair !== true }, async () => {
    refuseAbsentSources(repo, options);
    const unread = new Map<string, string>();
    const checked = await checkAll(repo, unread, options);
    const stores = await settle(checked, options);
    if (!stores.some(({ findings }) => findings.some(isMendedManifest))) return resultOf(stores, unread);
    // What a manifest names that is back now was not known before, and so not missed.
    const more = await settle(await checkAll(repo, unread, options, checked), options);
    const merged = stores.map((store) => ({
      ...store,
      findings: [...store.findings, ...more.filter(({ url }) => url === store.url).flatMap(({ findings }) => findings)],
    }));
    return resultOf(merged, unread);
  });
}

function isMendedManifest({ oid, repairedFrom }: FsckFinding): boolean {
  return repairedFrom !== undefined && isDirHash(oid);
}

/** @throws {UsageError} for a place to repair from that is not there */
function refuseAbsentSources(repo: Repo, { from }: FsckOptions): void {
  const absent = from?.find((place) => !existsSync(resolve(repo.env.cwd, place)));
  if (absent !== undefined)
    throw new UsageError(`'${absent}' does not exist`, {
      hint: "'--from' names other caches, or projects that have one.",
    });
}

/** `before`: what was checked already; then only what is needed beside it is looked for. */
async function checkAll(
  repo: Repo,
  unread: Map<string, string>,
  options: FsckOptions,
  before?: readonly Checked[],
): Promise<Checked[]> {
  const readRemotes = options.remote !== undefined || options.repair === true;
  const onSkipped = (name: string, error: Error): void => void unread.set(name, error.message);
  const needed = await references(repo, { ...options, readRemotes, onSkipped });
  const checked = await checkCaches(repo, needed, options, before);
  if (options.remote === undefined) return checked;
  const onRemote = await checkRemotes(repo, needed, options, before);
  const sound = soundOn(onRemote);
  for (const one of checked) one.missing = one.missing.filter((oid) => !sound.has(oid));
  return [...checked, ...onRemote];
}

async function settle(checked: readonly Checked[], options: FsckOptions): Promise<FsckStore[]> {
  const stores: FsckStore[] = [];
  for (const one of checked) {
    const findings = findingsOf(one, options);
    const isWanted = options.repair === true && findings.length > 0;
    stores.push({ ...one.store, findings: isWanted ? await one.repair(findings) : findings });
  }
  return stores;
}

function resultOf(stores: readonly FsckStore[], unread: ReadonlyMap<string, string>): FsckResult {
  const all = stores.flatMap(({ findings }) => findings);
  const repaired = all.filter(({ repairedFrom }) => repairedFrom !== undefined).length;
  const revisions = [...unread].map(([name, reason]) => ({ name, reason }));
  const ok = repaired === all.length && revisions.length === 0;
  return { ok, stores, unread: revisions, repaired, unrepaired: all.length - repaired };
}

function findingsOf({ bad, missing, names, pathOf }: Checked, options: FsckOptions): FsckFinding[] {
  const nameOf = (oid: string): { path?: string } => {
    const path = names.get(oid);
    return path === undefined ? {} : { path };
  };
  const absent = options.allowMissing === true ? [] : missing;
  return [
    ...bad.map(({ path, ...rest }) => ({ ...rest, where: path, ...nameOf(rest.oid) })),
    ...absent.map((oid) => ({ oid, problem: "missing" as const, where: pathOf(oid), ...nameOf(oid) })),
  ];
}

/** What every remote that was checked has, and is not damaged. */
function soundOn(remotes: readonly Checked[]): Set<string> {
  const sound = new Set<string>();
  for (const { names, missing, bad } of remotes) {
    const not = new Set([...missing, ...bad.map(({ oid }) => oid)]);
    for (const oid of names.keys()) if (!not.has(oid)) sound.add(oid);
  }
  return sound;
}

async function checkCaches(
  repo: Repo,
  needed: readonly References[],
  options: FsckOptions,
  before: readonly Checked[] | undefined,
): Promise<Checked[]> {
  const checked: Checked[] = [];
  for (const cache of [repo.cache, repo.legacyCache]) {
    const names = newNames(namesFor(needed, cache.hashName), cache.folder, before);
    const isUsed = names.size > 0 || (before === undefined && (cache === repo.cache || !cache.isEmpty()));
    if (!isUsed) continue;
    const title = cache === repo.cache ? "cache" : "cache (2.x)";
    const store = { name: title, kind: "cache" as const, url: cache.folder };
    const { result, missing } =
      before === undefined
        ? await checkStore(repo, store, names, options, (more) => checkLocal(cache, more))
        : await checkSome(store, (task) => checkLocalObjects(cache, names.keys(), { ...options, task }));
    const repair = (findings: readonly FsckFinding[]): Promise<readonly FsckFinding[]> =>
      repairCache(repo, cache, findings, options);
    checked.push({ ...result, missing, names, pathOf: (oid) => cache.pathOf(oid), repair });
  }
  return checked;
}

async function checkRemotes(
  repo: Repo,
  needed: readonly References[],
  options: FsckOptions,
  before: readonly Checked[] | undefined,
): Promise<Checked[]> {
  const checked: Checked[] = [];
  const wanted = remoteNameOf(repo, options.remote);
  const own = await references(repo, { ...options, filter: pushFilter(wanted), readRemotes: true });
  for (const hashName of ["md5", "md5-dos2unix"] as const) {
    if (hashName === "md5-dos2unix" && namesFor(needed, hashName).size === 0) continue;
    const isOwn = ({ remote }: References): boolean => remote === undefined || remote === wanted;
    const remote = await openRemote(repo, options.remote, { ...options, legacy: hashName === "md5-dos2unix" });
    const names = newNames(namesFor(own.filter(isOwn), hashName), remote.url, before);
    if (names.size === 0 && before !== undefined) {
      await remote.fs.close();
      continue;
    }
    const store = { name: remote.name, kind: "remote" as const, url: remote.url };
    const temporary = (): OsPath => temporaryPath(join(repo.tmpDir, "fsck"));
    const { result, missing } =
      before === undefined
        ? await checkStore(repo, store, names, options, (more) => checkRemote(remote, { ...more, temporary }))
        : await checkSome(store, (task) => checkObjects(remote, names.keys(), { ...options, task, temporary }));
    const repair = (findings: readonly FsckFinding[]): Promise<readonly FsckFinding[]> =>
      repairRemote(repo, remote, findings, options).finally(() => remote.fs.close());
    checked.push({ ...result, missing, names, pathOf: (oid) => urlOf(remote, oid), repair });
  }
  return checked;
}

function urlOf(remote: RemoteDb, oid: string): string {
  return remote.fs.url(remote.pathOf(oid));
}

/** Those that were not known when a store was checked. */
function newNames(
  names: ReadonlyMap<string, string>,
  url: string,
  before: readonly Checked[] | undefined,
): ReadonlyMap<string, string> {
  const known = before?.find(({ store }) => store.url === url)?.names;
  return known === undefined ? names : new Map([...names].filter(([oid]) => !known.has(oid)));
}

type StoreResult = Promise<{ result: Pick<Checked, "store" | "bad">; missing: string[] }>;

async function checkSome(
  store: Pick<FsckStore, "name" | "kind" | "url">,
  check: (task: string) => Promise<StoreCheck & { readonly missing: readonly string[] }>,
): StoreResult {
  const { objects, bytes, bad, missing } = await check(`Checking ${store.name}`);
  return { result: { store: { ...store, objects, bytes, seconds: 0 }, bad }, missing: [...missing] };
}

async function checkStore(
  repo: Repo,
  store: Pick<FsckStore, "name" | "kind" | "url">,
  names: ReadonlyMap<string, string>,
  options: FsckOptions,
  check: (options: CheckOptions) => Promise<StoreCheck>,
): StoreResult {
  const points = new CheckPointFile(repo, store.url);
  const earlier = options.restart === true ? undefined : points.load();
  if (earlier !== undefined) {
    const since = new Date(earlier.begunAt).toISOString();
    info(options, `Going on with the check of ${store.url} that began at ${since} (--restart begins anew).`);
  }
  const left = new Set(names.keys());
  const start = systemClock.now();
  const { objects, bytes, bad } = await check({
    ...options,
    task: `Checking ${store.name}`,
    resume: earlier?.point,
    onName: (oid) => left.delete(oid),
    onCheckPoint: (point) => {
      points.save(point);
    },
  });
  points.clear();
  const seconds = (systemClock.now() - start) / 1000;
  const continued = earlier === undefined ? {} : { continuedFrom: new Date(earlier.begunAt).toISOString() };
  return { result: { store: { ...store, objects, bytes, seconds, ...continued }, bad }, missing: [...left] };
}

function namesFor(needed: readonly References[], hashName: References["hashName"]): Map<string, string> {
  const all = new Map<string, string>();
  for (const { names } of needed.filter((one) => one.hashName === hashName))
    for (const [oid, name] of names) if (!all.has(oid)) all.set(oid, name);
  return all;
}
