import type { CallOptions } from "../base/events.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { pushFilter } from "../repo/objects.ts";
import type { Repo } from "../repo/repo.ts";
import { openRemote } from "../repo/remote.ts";
import type { SnapshotObjects } from "./objects.ts";

/** How much of a snapshot's data a store holds. */
export interface Presence {
  /** Objects needed, as far as manifests tell. */
  readonly objects: number;
  readonly present: number;
  /** Everything is there, and nothing is unknown. */
  readonly complete: boolean;
}

/** What of each snapshot the cache has, by name. All snapshots are asked for at once. */
export function presenceInCache(repo: Repo, snapshots: readonly (readonly SnapshotObjects[])[]): Presence[] {
  const there = new Map<string, ReadonlySet<string>>();
  for (const hashName of ["md5", "md5-dos2unix"] as const) {
    const wanted = allOids(snapshots, (group) => group.hashName === hashName);
    if (wanted.size > 0) there.set(hashName, cacheFor(repo, { name: hashName, value: "" }).exists(wanted));
  }
  return snapshots.map((groups) => count(groups, ({ hashName }) => there.get(hashName)));
}

/**
 * What of each snapshot a remote has, by name. Outputs that name another remote do not count against it.
 * @throws {ConfigError}, {StorageError} when the remote can't be used.
 */
export async function presenceOnRemote(
  repo: Repo,
  name: string,
  snapshots: readonly (readonly SnapshotObjects[])[],
  options: CallOptions,
): Promise<Presence[]> {
  const there = new Map<string, ReadonlySet<string>>();
  const goesThere = (group: SnapshotObjects): boolean => group.remote === undefined || group.remote === name;
  for (const hashName of ["md5", "md5-dos2unix"] as const) {
    const wanted = allOids(snapshots, (group) => group.hashName === hashName && goesThere(group));
    if (wanted.size === 0) continue;
    const remote = await openRemote(repo, name, { ...options, legacy: hashName === "md5-dos2unix" });
    try {
      there.set(hashName, await remote.exists([...wanted], options));
    } finally {
      await remote.fs.close();
    }
  }
  return snapshots.map((groups) => count(groups.filter(goesThere), ({ hashName }) => there.get(hashName)));
}

/** What goes to a remote: not imports, not `push: false`. */
export const pushedData: ReturnType<typeof pushFilter> = pushFilter(undefined);

function allOids(
  snapshots: readonly (readonly SnapshotObjects[])[],
  which: (group: SnapshotObjects) => boolean,
): Set<string> {
  const all = new Set<string>();
  for (const group of snapshots.flat()) if (which(group)) for (const oid of group.names.keys()) all.add(oid);
  return all;
}

function count(
  groups: readonly SnapshotObjects[],
  there: (group: SnapshotObjects) => ReadonlySet<string> | undefined,
): Presence {
  let [objects, present, unread] = [0, 0, 0];
  for (const group of groups) {
    const found = there(group);
    for (const oid of group.names.keys()) if (found?.has(oid) === true) present++;
    objects += group.names.size;
    unread += group.unread.length;
  }
  return { objects, present, complete: unread === 0 && present === objects };
}
