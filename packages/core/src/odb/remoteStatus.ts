import type { CallOptions } from "../base/events.ts";
import type { LocalObjects } from "./localObjects.ts";
import { readManifests } from "./readManifests.ts";
import type { RemoteDb } from "./remoteDb.ts";
import type { TransferSet } from "./transferTypes.ts";

/** The wanted objects by where they are, each list in the order asked. */
export interface RemoteStatus {
  /** In both. */
  readonly ok: readonly string[];
  /** In the cache only: a push would send them. */
  readonly new: readonly string[];
  /** On the remote only: a fetch would get them. */
  readonly deleted: readonly string[];
  /** In neither. */
  readonly missing: readonly string[];
}

/**
 * Compares the cache with a remote. The files of each folder are looked for themselves; that its manifest is there says
 * nothing about them.
 * @throws {StorageError, CorruptObjectError}
 */
export async function status(
  cache: LocalObjects,
  remote: RemoteDb,
  want: TransferSet,
  options: CallOptions = {},
): Promise<RemoteStatus> {
  const all = new Set([...want.dirs, ...want.files]);
  if (want.onlyListed !== true) {
    const manifests = await readManifests(cache, remote, want.dirs, options);
    for (const error of manifests.failed.values()) throw error;
    for (const children of manifests.children.values()) for (const oid of children) all.add(oid);
  }
  // The remote's first answers are under way while this machine looks at its own disk.
  const asked = remote.exists([...all], options);
  asked.catch(() => undefined);
  const here = cache.exists(all);
  const there = await asked;
  const result = { ok: [] as string[], new: [] as string[], deleted: [] as string[], missing: [] as string[] };
  for (const oid of all) {
    const list = here.has(oid)
      ? there.has(oid)
        ? result.ok
        : result.new
      : there.has(oid)
        ? result.deleted
        : result.missing;
    list.push(oid);
  }
  return result;
}
