import type { CallOptions } from "../base/events.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { pushFilter } from "../repo/objects.ts";
import type { Repo } from "../repo/repo.ts";
import { openRemote } from "../repo/remote.ts";
import { NumberedObjects, RunningCount, type SnapshotNeeds } from "./needs.ts";

/** How much of a snapshot's data a store holds. */
export interface Presence {
  /** Objects needed, as far as manifests tell. */
  readonly objects: number;
  readonly present: number;
  /** Everything is there, and nothing is unknown. */
  readonly complete: boolean;
}

/** What goes to a remote: not imports, not `push: false`. */
export const pushedData: ReturnType<typeof pushFilter> = pushFilter(undefined);

type HashName = SnapshotNeeds["hashName"];

const LAYOUTS: readonly HashName[] = ["md5", "md5-dos2unix"];

/** Objects in both layouts, to be asked for in several stores. */
export type ObjectBook = Readonly<Record<HashName, NumberedObjects>>;

/** An empty one. */
export function objectBook(repo: Repo): ObjectBook {
  return { md5: new NumberedObjects(repo, "md5"), "md5-dos2unix": new NumberedObjects(repo, "md5-dos2unix") };
}

/** What of each snapshot the cache has, by name. All snapshots are asked for at once. */
export function presenceInCache(
  repo: Repo,
  snapshots: readonly (readonly SnapshotNeeds[])[],
  book: ObjectBook = objectBook(repo),
): Promise<Presence[]> {
  return presence(book, snapshots, (hashName, wanted) =>
    Promise.resolve(cacheFor(repo, { name: hashName, value: "" }).exists(wanted)),
  );
}

/**
 * What of each snapshot a remote has, by name. Outputs that name another remote do not count against it.
 * @throws {ConfigError}, {StorageError} when the remote can't be used.
 */
export function presenceOnRemote(
  repo: Repo,
  name: string,
  snapshots: readonly (readonly SnapshotNeeds[])[],
  book: ObjectBook,
  options: CallOptions,
): Promise<Presence[]> {
  const going = snapshots.map((needs) => needs.filter(({ remote }) => remote === undefined || remote === name));
  return presence(book, going, async (hashName, wanted) => {
    const remote = await openRemote(repo, name, { ...options, legacy: hashName === "md5-dos2unix" });
    try {
      return await remote.exists([...wanted], options);
    } finally {
      await remote.fs.close();
    }
  });
}

async function presence(
  book: ObjectBook,
  snapshots: readonly (readonly SnapshotNeeds[])[],
  ask: (hashName: HashName, wanted: ReadonlySet<string>) => Promise<ReadonlySet<string>>,
): Promise<Presence[]> {
  const isThere = new Map<HashName, Uint8Array>();
  for (const hashName of LAYOUTS) {
    const outputs = new Set<string>();
    for (const need of snapshots.flat()) if (need.hashName === hashName) for (const oid of need.oids) outputs.add(oid);
    // In this order: they have their numbers once they were read.
    for (const oid of outputs) book[hashName].partsOf(oid);
    const wanted = book[hashName].idsOf(outputs);
    isThere.set(hashName, book[hashName].marked(wanted.size === 0 ? [] : await ask(hashName, wanted)));
  }
  const counts = new Map<string, RunningCount>();
  return snapshots.map((needs) => {
    const now = new Map(needs.map((need) => [`${need.remote ?? ""}\0${need.hashName}`, need]));
    for (const [key, { hashName }] of now)
      if (!counts.has(key))
        counts.set(key, new RunningCount(book[hashName], isThere.get(hashName) ?? new Uint8Array()));
    for (const [key, count] of counts) count.moveTo(now.get(key)?.oids ?? new Set());
    const sum = (pick: (one: RunningCount) => number): number =>
      [...counts.values()].reduce((total, one) => total + pick(one), 0);
    const [objects, present, unread] = [sum((one) => one.objects), sum((one) => one.present), sum((one) => one.unread)];
    return { objects, present, complete: unread === 0 && present === objects };
  });
}
