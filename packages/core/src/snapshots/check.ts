import { isDirHash } from "../hash/hashInfo.ts";
import type { CallOptions } from "../base/events.ts";
import { TransferProgress } from "../odb/transferProgress.ts";
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
  const problems: ObjectProblem[] = [];
  const progress = new TransferProgress(options.reporter, "Verifying", group.names.size);
  const unread = new Set(group.unread);
  try {
    for (const [oid, path] of group.names) {
      if (!there.has(oid)) problems.push({ problem: "missing", path, oid });
      else if (unread.has(oid)) problems.push({ problem: "damaged", path, oid });
      else if (deep && !isDirHash(oid)) {
        options.signal?.throwIfAborted();
        const found = problemOf(() => cache.actualHash(oid), oid, path);
        if (found !== undefined) problems.push(found);
        await new Promise(setImmediate);
      }
      progress.add(1, deep ? (cache.sizeOf(oid) ?? 0) : 0);
    }
  } finally {
    progress.end();
  }
  return { kind: "cache", name: "cache", url: cache.root, objects: group.names.size, problems };
}

function problemOf(hash: () => string, oid: string, path: string): ObjectProblem | undefined {
  try {
    const actual = hash();
    return actual === oid ? undefined : { problem: "damaged", path, oid, detail: `its bytes have the hash ${actual}` };
  } catch (error) {
    return { problem: "unreadable", path, oid, detail: (error as Error).message };
  }
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
      for (const { oid, problem, actual, detail } of bad) {
        const more = detail ?? (actual === undefined ? undefined : `its bytes have the hash ${actual}`);
        problems.push({ problem, path: pathOf(oid), oid, ...(more === undefined ? {} : { detail: more }) });
      }
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
