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

/**
 * Manifests out of the cache; those that it lacks are fetched from the remote into it, checked.
 * `missing`: those in neither.
 */
export async function fetchManifests(
  cache: LocalObjects,
  remote: RemoteDb,
  dirs: Iterable<string>,
  options: CallOptions,
): Promise<Manifests & { done: string[]; missing: string[]; bytes: number }> {
  const all = { children: new Map<string, readonly string[]>(), failed: new Map<string, Error>() };
  const result = { ...all, done: [] as string[], missing: [] as string[], bytes: 0 };
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
      result.children.set(oid, childrenOf(tree));
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
