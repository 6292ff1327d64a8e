import type { OsPath } from "../base/paths.ts";
import type { Tree } from "./tree.ts";

/** The part of the cache that a transfer needs; `ObjectDb` is one. */
export interface LocalObjects {
  readonly root: OsPath;
  readonly hashName: "md5" | "md5-dos2unix";
  /** Permission bits of new folders; undefined: 0777 less the umask. */
  readonly dirMode?: number | undefined;
  pathOf(oid: string): OsPath;
  /** Which are there by name. */
  exists(oids: Iterable<string>): Set<string>;
  /** Whether every file of a manifest is known to be there by name. */
  isKnownWhole?(oid: string, nfiles: number | undefined): boolean;
  /** Those that are not there, or may not be used. */
  lacking(oids: Iterable<string>): Iterable<string>;
  /** Re-hashes an object; a damaged one is set aside, and the answer is false. */
  verify(oid: string): boolean;
  readTree(oid: string): Tree | undefined;
  addBytes(oid: string, bytes: Uint8Array, verified?: boolean): void;
  /** Hears of objects that were just stored with verified bytes. */
  noteFresh?(oids: Iterable<string>): void;
  /** Remembers a large object that this process has just put there, its bytes verified (`size` in bytes). */
  noteStored?(oid: string, size: number): void;
  /** Makes the names of what `addBytes` stored safe against power loss. */
  flush(): void;
}
