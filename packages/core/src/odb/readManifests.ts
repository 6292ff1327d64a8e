import type { CallOptions } from "../base/events.ts";
import type { LocalObjects } from "./localObjects.ts";
import { isFatal } from "./objectFailures.ts";
import type { RemoteDb } from "./remoteDb.ts";
import type { Tree } from "./tree.ts";

/** The files that each readable manifest names. */
export interface Manifests {
  readonly children: Map<string, readonly string[]>;
  readonly failed: Map<string, Error>;
}

/** Manifests out of the cache, else out of the remote; those in neither are in no list. */
export async function readManifests(
  cache: LocalObjects,
  remote: RemoteDb,
  dirs: Iterable<string>,
  options: CallOptions,
): Promise<Manifests> {
  const children = new Map<string, readonly string[]>();
  const failed = new Map<string, Error>();
  for (const oid of dirs) {
    options.signal?.throwIfAborted();
    try {
      const tree = cache.readTree(oid) ?? (await remote.readTree(oid, options))?.tree;
      if (tree !== undefined) children.set(oid, childrenOf(tree));
    } catch (error) {
      if (isFatal(error)) throw error;
      failed.set(oid, error as Error);
    }
  }
  return { children, failed };
}

/** What became of manifests that were to be fetched. `missing`: those in neither place. */
export interface FetchedManifests {
  readonly done: string[];
  readonly missing: string[];
  readonly failed: Map<string, Error>;
  bytes: number;
}

/** Fetches manifests that the cache lacks into it, checked. `onTree` hears of each one, in order, those of the cache too. */
export async function fetchManifests(
  cache: LocalObjects,
  remote: RemoteDb,
  dirs: Iterable<string>,
  onTree: (tree: Tree) => void,
  options: CallOptions,
): Promise<FetchedManifests> {
  const result: FetchedManifests = { done: [], missing: [], failed: new Map(), bytes: 0 };
  for (const oid of dirs) {
    options.signal?.throwIfAborted();
    try {
      let tree = cache.readTree(oid);
      if (tree === undefined) {
        const found = await remote.readTree(oid, options);
        if (found === undefined) {
          result.missing.push(oid);
          continue;
        }
        cache.addBytes(oid, found.bytes, true);
        tree = found.tree;
        result.done.push(oid);
        result.bytes += found.bytes.length;
      }
      onTree(tree);
    } catch (error) {
      if (isFatal(error)) throw error;
      result.failed.set(oid, error as Error);
    }
  }
  cache.flush();
  return result;
}

function childrenOf(tree: Tree): readonly string[] {
  return [...new Set(tree.md5s())];
}
