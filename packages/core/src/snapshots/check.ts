import type { CallOptions } from "../base/events.ts";
import type { BadObject } from "../odb/checkTypes.ts";
import { checkLocalObjects } from "../odb/localCheck.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { readBack } from "../repo/readBack.ts";
import { openRemote } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import type { SnapshotObjects } from "./objects.ts";

/** An object of a snapshot that a store does not have as it should. */
export interface ObjectProblem {
  readonly problem: "missing" | "damaged" | "unreadable" | "manifest";
  readonly path: string;
  readonly oid: string;
  readonly detail?: string;
}

/** What a store holds of a snapshot. */
export interface StoreReport {
  readonly kind: "cache" | "remote";
  /** `cache`, or the remote's name. */
  readonly name: string;
  readonly url: string;
  /** Objects needed. */
  readonly objects: number;
  readonly problems: readonly ObjectProblem[];
}

/** Looks for each object in the cache; `deep`: hashes it. Damaged ones stay where they are. */
export async function checkInCache(
  repo: Repo,
  group: SnapshotObjects,
  deep: boolean,
  options: CallOptions,
): Promise<StoreReport> {
  const cache = cacheFor(repo, { name: group.hashName, value: "" });
  const there = cache.exists(new Set(group.names.keys()));
  const { bad } = deep ? await checkLocalObjects(cache, there, { ...options, task: "Verifying" }) : { bad: [] };
  const damaged = new Map(bad.map((one) => [one.oid, one]));
  const unread = new Set(group.unread);
  const problems: ObjectProblem[] = [];
  for (const [oid, path] of group.names) {
    const found = damaged.get(oid);
    if (!there.has(oid)) problems.push({ problem: "missing", path, oid });
    else if (found !== undefined) problems.push(problemOf(found, path));
    else if (unread.has(oid)) problems.push({ problem: "damaged", path, oid });
  }
  return { kind: "cache", name: "cache", url: cache.root, objects: group.names.size, problems };
}

function problemOf({ oid, problem, actual, detail }: BadObject, path: string): ObjectProblem {
  const more = detail ?? (actual === undefined ? undefined : `its bytes have the hash ${actual}`);
  return { problem, path, oid, ...(more === undefined ? {} : { detail: more }) };
}

/** Asks a remote for each object; `deep`: reads it back and hashes it. @throws {StorageError} when it can't be used */
export async function checkOnRemote(
  repo: Repo,
  group: SnapshotObjects,
  name: string | undefined,
  deep: boolean,
  options: CallOptions,
): Promise<StoreReport> {
  const remote = await openRemote(repo, name, { ...options, legacy: group.hashName === "md5-dos2unix" });
  const pathOf = (oid: string): string => group.names.get(oid) ?? oid;
  const problems: ObjectProblem[] = [];
  try {
    const oids = [...group.names.keys()];
    if (deep) {
      const { bad, missing } = await readBack(repo, remote, oids, options);
      for (const oid of missing) problems.push({ problem: "missing", path: pathOf(oid), oid });
      for (const one of bad) problems.push(problemOf(one, pathOf(one.oid)));
    } else {
      const there = await remote.exists(oids, options);
      const unread = new Set(group.unread);
      for (const oid of oids) {
        if (!there.has(oid)) problems.push({ problem: "missing", path: pathOf(oid), oid });
        else if (unread.has(oid)) problems.push({ problem: "damaged", path: pathOf(oid), oid });
      }
    }
    return { kind: "remote", name: remote.name, url: remote.url, objects: oids.length, problems };
  } finally {
    await remote.fs.close();
  }
}
