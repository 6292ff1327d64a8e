import { DvcError } from "../base/errors.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import type { Tree } from "../odb/tree.ts";
import { isRepoImport } from "../pipeline/stage.ts";
import { type CollectOptions, collectRevisions } from "./collectRevisions.ts";
import { cacheFor, type StageOutput } from "./dataRoots.ts";
import { collectObjects, type ObjectGroup, type OutputFilter } from "./objects.ts";
import { wasPurged } from "./purged.ts";
import { openRemote } from "./remote.ts";
import type { Repo } from "./repo.ts";

/** What the chosen revisions need of one remote, in one layout. */
export interface References {
  /** The remote that the outputs name; undefined for the default one. */
  readonly remote: string | undefined;
  readonly hashName: "md5" | "md5-dos2unix";
  /** Object id -> the path of the first output or file that needs it, as shown to a person. */
  readonly names: ReadonlyMap<string, string>;
}

/** Everything but data of other repositories, which its own repository keeps. */
export const ownData: OutputFilter = ({ stage }) => !isRepoImport(stage);

/**
 * All objects that the workspace, and the revisions asked for, need, the files of folders among them. A manifest that is in
 * no cache is read from its remote when `readRemotes`; without it its files stay unknown.
 * @throws {DvcError} when no revision can be read.
 */
export async function references(
  repo: Repo,
  options: CollectOptions & { readonly filter?: OutputFilter; readonly readRemotes?: boolean },
): Promise<References[]> {
  const groups = new Map<string, ObjectGroup>();
  const filter = options.filter ?? ownData;
  for (const { selected, rev } of collectRevisions(repo, [], options)) {
    // Of a commit, what was purged is not missed.
    const isPurged = ({ out }: StageOutput): boolean =>
      rev !== undefined && out.hash !== undefined && wasPurged(repo, out.hash.value, rev);
    collectObjects(repo, selected, (one) => filter(one) && !isPurged(one), groups);
  }
  const found: References[] = [];
  for (const group of groups.values()) {
    const { remote, hashName } = group;
    const names = new Map(group.names);
    for (const oid of group.dirs) {
      const base = group.names.get(oid) ?? oid;
      const tree =
        peek(repo, group, oid) ?? (options.readRemotes === true ? await readFar(repo, group, oid, options) : undefined);
      for (const { md5, relpath } of tree ?? []) if (!names.has(md5)) names.set(md5, `${base}/${relpath}`);
    }
    found.push({ remote, hashName, names });
  }
  return found;
}

function peek(repo: Repo, { hashName }: ObjectGroup, oid: string): Tree | undefined {
  if (!isDirHash(oid)) return undefined;
  try {
    return cacheFor(repo, { name: hashName, value: "" }).peekTree(oid);
  } catch (error) {
    if (error instanceof DvcError) return undefined;
    throw error;
  }
}

async function readFar(
  repo: Repo,
  group: ObjectGroup,
  oid: string,
  options: CollectOptions,
): Promise<Tree | undefined> {
  try {
    const remote = await openRemote(repo, group.remote, { legacy: group.hashName === "md5-dos2unix" });
    try {
      return (await remote.readTree(oid, options))?.tree;
    } finally {
      await remote.fs.close();
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof DvcError) return undefined;
    throw error;
  }
}
