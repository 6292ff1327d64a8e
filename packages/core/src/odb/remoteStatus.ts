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
  /** Manifests of which it is known that this machine has every file. */
  const whole = new Map<string, readonly string[]>();
  if (want.onlyListed !== true) {
    const manifests = await readManifests(cache, remote, want.dirs, options);
    for (const error of manifests.failed.values()) throw error;
    for (const [dir, children] of manifests.children) {
      for (const oid of children) all.add(oid);
      if (cache.isKnownWhole?.(dir, children.length) === true) whole.set(dir, children);
    }
  }
  // The remote's first answers are under way while this machine looks at its own disk.
  const asked = remote.exists([...all], options);
  asked.catch(() => undefined);
  const here = existingHere(cache, all, whole);
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

/** Which objects the cache has; those of the manifests in `whole` are not looked for. */
function existingHere(
  cache: LocalObjects,
  all: ReadonlySet<string>,
  whole: ReadonlyMap<string, readonly string[]>,
): ReadonlySet<string> {
  if (whole.size === 0) return cache.exists(all);
  const here = new Set<string>();
  for (const [dir, children] of whole) {
    here.add(dir);
    for (const oid of children) here.add(oid);
  }
  if (here.size === all.size) return here;
  for (const oid of cache.exists([...all].filter((one) => !here.has(one)))) here.add(oid);
  return here;
}
