import { DvcError } from "../base/errors.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import type { Tree } from "../odb/tree.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import type { Index } from "../repo/index.ts";
import { collectObjects, type ObjectGroup, type OutputFilter } from "../repo/objects.ts";
import { ownData } from "../repo/references.ts";
import type { Repo } from "../repo/repo.ts";

/** What a snapshot needs of one remote, in one layout. */
export interface SnapshotObjects {
  /** The remote that the outputs name; undefined for the default one. */
  readonly remote: string | undefined;
  readonly hashName: "md5" | "md5-dos2unix";
  /** Object id -> the path of the first output or file that needs it. */
  readonly names: ReadonlyMap<string, string>;
  /** Manifests that could not be read: nobody knows what else is needed. */
  readonly unread: readonly string[];
}

/** Finds a manifest; undefined when it can't be had. */
export type ManifestReader = (group: ObjectGroup, oid: string) => Promise<Tree | undefined>;

/** Every object of a snapshot, the files of its folders among them. Data of other repositories is left out by default. */
export async function snapshotObjects(
  repo: Repo,
  index: Index,
  read: ManifestReader = (group, oid) => Promise.resolve(cachedManifest(repo, group, oid)),
  filter: OutputFilter = ownData,
): Promise<SnapshotObjects[]> {
  const groups = new Map<string, ObjectGroup>();
  collectObjects(repo, index.collect([]), filter, groups);
  const found: SnapshotObjects[] = [];
  for (const group of groups.values()) {
    const names = new Map(group.names);
    const unread: string[] = [];
    for (const oid of group.dirs) {
      const tree = await read(group, oid);
      if (tree === undefined) unread.push(oid);
      const base = group.names.get(oid) ?? oid;
      for (const { md5, relpath } of tree ?? []) if (!names.has(md5)) names.set(md5, `${base}/${relpath}`);
    }
    found.push({ remote: group.remote, hashName: group.hashName, names, unread });
  }
  return found;
}

/** The manifest out of the cache, checked against its name; undefined when it is not there or damaged. Changes nothing. */
export function cachedManifest(repo: Repo, { hashName }: Pick<ObjectGroup, "hashName">, oid: string): Tree | undefined {
  if (!isDirHash(oid)) return undefined;
  try {
    return cacheFor(repo, { name: hashName, value: "" }).peekTree(oid);
  } catch (error) {
    if (error instanceof DvcError) return undefined;
    throw error;
  }
}
