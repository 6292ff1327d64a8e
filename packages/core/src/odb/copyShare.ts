import type { OsPath } from "../base/paths.ts";
import type { OidColumn } from "./oidColumn.ts";

/** What became of an object. From {@link CopyState.staged} on it is written; below `fresh` it lies in the staging folder of thread `state - staged`. */
export const CopyState = {
  /** Not taken yet, or taken by a thread that broke. */
  todo: 0,
  /** Missing, damaged, large or unreadable: for the careful way, one by one. */
  left: 1,
  /** Verified and written, not yet named. */
  staged: 2,
  /** The same, under its name in an object folder that is written aside. */
  fresh: 64,
} as const;

/** Indexes of {@link CopyShare.control}. */
export const CopyControl = { next: 0, stop: 1 } as const;

/** A copy of many small objects that several threads share. Plain data, so that it can be sent to a worker. */
export interface CopyShare {
  /** The folder of 256 folders that the objects are read from. */
  readonly from: OsPath;
  /** Object ids, 16 bytes each. */
  readonly hashes: Uint8Array;
  /** One {@link CopyState} an object. */
  readonly states: Uint8Array;
  /** Bytes of each staged object. */
  readonly sizes: Uint32Array;
  readonly control: Int32Array;
  /** Staging folders, one a thread; a staged object is named by its index. */
  readonly staging: readonly OsPath[];
  /** Where whole object folders are written aside, those whose first byte is marked in `freshShards`. */
  readonly fresh: OsPath;
  readonly freshShards: Uint8Array;
}

/**
 * Lays out the memory that the threads share. `fresh`: object folders that are
 * written aside.
 */
export function copyShareOf(
  from: OsPath,
  oids: OidColumn,
  staging: readonly OsPath[],
  fresh?: { readonly folder: OsPath; readonly shards: Iterable<string> },
): CopyShare {
  const count = oids.length;
  const freshShards = new Uint8Array(256);
  for (const shard of fresh?.shards ?? []) freshShards[parseInt(shard, 16)] = 1;
  return {
    from,
    hashes: oids.bytes,
    states: new Uint8Array(new SharedArrayBuffer(count)),
    sizes: new Uint32Array(new SharedArrayBuffer(count * 4)),
    control: new Int32Array(new SharedArrayBuffer(8)),
    staging,
    fresh: fresh?.folder ?? "",
    freshShards,
  };
}
