import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { NotDvcRepoError } from "../base/errors.ts";
import { info } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { gcObjects } from "../odb/gcObjects.ts";
import { DvcError } from "../base/errors.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import type { TrashTotal } from "../odb/trash.ts";
import { openRemote } from "../repo/remote.ts";
import { noteCollected } from "../repo/purged.ts";
import { openRepo, type Repo } from "../repo/repo.ts";
import { journaled } from "../repo/journal.ts";
import { lookingWhenDry } from "../repo/looking.ts";
import { withRepoLocks, withSharersLocks } from "../repo/sharersLocks.ts";
import { emptyTrash, newBin, trashDays, trashTotal } from "../repo/trash.ts";
import type { UsedObjects } from "../repo/usedObjects.ts";
import { checkGcOptions, type GcOptions } from "./gcOptions.ts";
import { collectUsed } from "./gcUsed.ts";

/** Counts of objects and bytes removed (or that would be, when `dry`). */
export interface GcResult {
  readonly cache: TrashTotal;
  readonly remote: TrashTotal | undefined;
  /** What the trash holds afterwards. */
  readonly trash: TrashTotal;
  /** What went for good: bins that were old enough, or all of them with `purge`. */
  readonly freed: TrashTotal;
  /** After so many days what was removed goes for good. */
  readonly days: number;
}

/**
 * Removes objects that nothing in the scope uses: from the caches into the trash, from remotes for good. The workspace is
 * always in the scope. Fails closed: when a revision, a `.dvc` file or a manifest cannot be read, nothing is removed.
 * @throws {DvcError} `Failed to collect '<rev>'`
 */
export async function gc(repo: Repo, options: GcOptions): Promise<GcResult> {
  checkGcOptions(options);
  // Before anything goes: a remote that keeps versions, or tells no names, is not cleaned.
  if (options.cloud === true) await refuseUncleanable(repo, options);
  const days = trashDays(repo);
  return withGcLocks(repo, options, async (others) => {
    const used = await collectUsed(repo, others, options);
    const cache = await journaled(repo, "gc", () => cleanCaches(repo, used, options));
    const remote = options.cloud === true ? await cleanRemotes(repo, used, options) : undefined;
    const freed = options.dry === true ? { objects: 0, bytes: 0 } : emptyTrash(repo, options.purge === true ? 0 : days);
    return { cache, remote, trash: trashTotal(repo), freed, days };
  });
}

/**
 * Runs `work` while the locks of this project, of those that the options name and of those that share the cache are held: what
 * is at work there relies on objects that no pointer file names yet.
 */
export async function withGcLocks<T>(
  repo: Repo,
  options: GcOptions,
  work: (others: readonly Repo[]) => Promise<T>,
): Promise<T> {
  const others = await Promise.all(
    (options.projects ?? []).map((path) => openRepo({ ...repo.env, cwd: existingFolder(repo.env.cwd, path) })),
  );
  if (options.dry === true)
    return withRepoLocks([...others, repo], options, () => lookingWhenDry(repo, true, () => work(others)));
  return withSharersLocks(repo, others, options, () => work(others));
}

/** @throws {NotDvcRepoError} in DVC's words for a folder that is not there */
function existingFolder(cwd: OsPath, path: string): OsPath {
  const folder = resolve(cwd, path);
  if (existsSync(folder)) return folder;
  throw new NotDvcRepoError(`directory '${path}' does not exist`);
}

async function cleanCaches(repo: Repo, used: UsedObjects, options: GcOptions): Promise<TrashTotal> {
  const total = { objects: 0, bytes: 0 };
  const bin = newBin(repo);
  const manifests: string[] = [];
  try {
    for (const [name, cache] of [
      ["repo", repo.cache],
      ["legacy", repo.legacyCache],
    ] as const) {
      const removed = await gcObjects(cache, used.all, {
        ...options,
        bin,
        dry: options.dry === true,
        onRemove: (path, oid) => {
          if (options.dry === true) info(options, `Removing ${path}`);
          else if (oid !== undefined && isDirHash(oid)) manifests.push(oid);
        },
      });
      info(
        options,
        removed.objects > 0
          ? `Removed ${String(removed.objects)} objects from ${name} cache.`
          : `No unused '${name}' cache to remove.`,
      );
      total.objects += removed.objects;
      total.bytes += removed.bytes;
    }
  } finally {
    bin.finish();
    noteCollected(repo, manifests);
  }
  return total;
}

async function cleanRemotes(repo: Repo, used: UsedObjects, options: GcOptions): Promise<TrashTotal> {
  const total = { objects: 0, bytes: 0 };
  const byUrl = new Map<string, { remote: RemoteDb; oids: Set<string> }>();
  for (const name of new Set([undefined, ...used.byRemote.keys()])) {
    for (const legacy of [false, true]) {
      const remote = await openRemote(repo, name ?? options.remote, { ...options, legacy, for: "gc -c" });
      const known = byUrl.get(remote.url);
      const oids = used.byRemote.get(name) ?? new Set<string>();
      if (known === undefined) byUrl.set(remote.url, { remote, oids: new Set(oids) });
      else for (const oid of oids) known.oids.add(oid);
    }
  }
  for (const { remote, oids } of byUrl.values()) {
    const removed = await cleanRemote(remote, oids, options);
    info(
      options,
      removed.objects > 0
        ? `Removed ${String(removed.objects)} objects from remote.`
        : "No unused cache to remove from remote.",
    );
    total.objects += removed.objects;
    total.bytes += removed.bytes;
    await remote.fs.close();
  }
  return total;
}

async function refuseUncleanable(repo: Repo, options: GcOptions): Promise<void> {
  const { fs, url } = await openRemote(repo, options.remote, { for: "gc -c" });
  await fs.close();
  if (fs.caps.listPage > 0) return;
  throw new DvcError(`'${url}' tells no names and removes nothing: it can't be cleaned`, { code: "unsupported" });
}

/** Lists the whole remote first; a listing that fails removes nothing. Manifests go before the files they name. */
async function cleanRemote(remote: RemoteDb, used: ReadonlySet<string>, options: GcOptions): Promise<TrashTotal> {
  const unused: string[] = [];
  let bytes = 0;
  for await (const { oid, size } of remote.all(options)) {
    if (used.has(oid)) continue;
    unused.push(oid);
    bytes += size;
    if (options.dry === true) info(options, `Removing ${remote.fs.url(remote.pathOf(oid))}`);
  }
  if (options.dry !== true && unused.length > 0) {
    await remote.remove(unused.filter(isDirHash), options);
    await remote.remove(
      unused.filter((oid) => !isDirHash(oid)),
      options,
    );
  }
  return { objects: unused.length, bytes };
}
