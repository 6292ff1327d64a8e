import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { info } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { temporaryPath } from "../fs/atomic.ts";
import type { BadObject, CheckOptions, StoreCheck } from "../odb/checkTypes.ts";
import { checkLocal } from "../odb/localCheck.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import { checkRemote } from "../odb/remoteCheck.ts";
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
    const readRemotes = options.remote !== undefined || options.repair === true;
    const unread = new Map<string, string>();
    const onSkipped = (name: string, error: Error): void => void unread.set(name, error.message);
    const needed = await references(repo, { ...options, readRemotes, onSkipped });
    const checked = await checkCaches(repo, needed, options);
    if (options.remote !== undefined) {
      const onRemote = await checkRemotes(repo, needed, options);
      const sound = soundOn(onRemote);
      for (const one of checked) one.missing = one.missing.filter((oid) => !sound.has(oid));
      checked.push(...onRemote);
    }
    return settle(checked, unread, options);
  });
}

async function settle(
  checked: readonly Checked[],
  unread: ReadonlyMap<string, string>,
  options: FsckOptions,
): Promise<FsckResult> {
  const stores: FsckStore[] = [];
  for (const one of checked) {
    const findings = findingsOf(one, options);
    const isWanted = options.repair === true && findings.length > 0;
    stores.push({ ...one.store, findings: isWanted ? await one.repair(findings) : findings });
  }
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

async function checkCaches(repo: Repo, needed: readonly References[], options: FsckOptions): Promise<Checked[]> {
  const checked: Checked[] = [];
  for (const cache of [repo.cache, repo.legacyCache]) {
    const names = namesFor(needed, cache.hashName);
    const isUsed = cache === repo.cache || names.size > 0 || !isEmpty(cache);
    if (!isUsed) continue;
    const title = cache === repo.cache ? "cache" : "cache (2.x)";
    const store = { name: title, kind: "cache" as const, url: cache.folder };
    const { result, missing } = await checkStore(repo, store, names, options, (more) => checkLocal(cache, more));
    const repair = (findings: readonly FsckFinding[]): Promise<readonly FsckFinding[]> =>
      repairCache(repo, cache, findings, options);
    checked.push({ ...result, missing, names, pathOf: (oid) => cache.pathOf(oid), repair });
  }
  return checked;
}

async function checkRemotes(repo: Repo, needed: readonly References[], options: FsckOptions): Promise<Checked[]> {
  const checked: Checked[] = [];
  const wanted = remoteNameOf(repo, options.remote);
  const own = await references(repo, { ...options, filter: pushFilter(wanted), readRemotes: true });
  for (const hashName of ["md5", "md5-dos2unix"] as const) {
    if (hashName === "md5-dos2unix" && namesFor(needed, hashName).size === 0) continue;
    const isOwn = ({ remote }: References): boolean => remote === undefined || remote === wanted;
    const names = namesFor(own.filter(isOwn), hashName);
    const remote = await openRemote(repo, options.remote, { ...options, legacy: hashName === "md5-dos2unix" });
    const store = { name: remote.name, kind: "remote" as const, url: remote.url };
    const temporary = (): OsPath => temporaryPath(join(repo.tmpDir, "fsck"));
    const { result, missing } = await checkStore(repo, store, names, options, (more) =>
      checkRemote(remote, { ...more, temporary }),
    );
    const repair = (findings: readonly FsckFinding[]): Promise<readonly FsckFinding[]> =>
      repairRemote(repo, remote, findings, options).finally(() => remote.fs.close());
    checked.push({ ...result, missing, names, pathOf: (oid) => urlOf(remote, oid), repair });
  }
  return checked;
}

function urlOf(remote: RemoteDb, oid: string): string {
  return remote.fs.url(remote.pathOf(oid));
}

async function checkStore(
  repo: Repo,
  store: Pick<FsckStore, "name" | "kind" | "url">,
  names: ReadonlyMap<string, string>,
  options: FsckOptions,
  check: (options: CheckOptions) => Promise<StoreCheck>,
): Promise<{ result: Pick<Checked, "store" | "bad">; missing: string[] }> {
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

function isEmpty(cache: ObjectDb): boolean {
  for (const _name of cache.names()) return false;
  return true;
}
