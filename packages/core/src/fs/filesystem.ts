import type { Readable } from "node:stream";
import type { CallOptions } from "../base/events.ts";

/** URL schemes of DVC's remotes. */
export type Protocol =
  | "local"
  | "s3"
  | "gs"
  | "azure"
  | "ssh"
  | "hdfs"
  | "webhdfs"
  | "oss"
  | "gdrive"
  | "http"
  | "https"
  | "webdav"
  | "webdavs"
  | "memory";

/** Differences between storages, as data. */
export interface FsCaps {
  /** A reader never sees half of a `write`. */
  readonly atomicWrite: boolean;
  /** `read` honours `start` and `end`. */
  readonly ranges: boolean;
  readonly versionIds: boolean;
  /** How many calls may usefully be under way at once. */
  readonly maxParallel: number;
  /** Entries that one `list` page returns; 0 when listing is not possible. */
  readonly listPage: number;
}

/** One file of a storage. `path` as in the call. */
export interface Info {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly type: "file" | "folder";
  readonly etag?: string;
  readonly versionId?: string;
  /** Milliseconds since the epoch. */
  readonly mtimeMs?: number;
}

/** `start` inclusive, `end` exclusive, in bytes. */
export interface ReadOptions extends CallOptions {
  readonly start?: number;
  readonly end?: number;
  readonly versionId?: string;
}

/** What to write: bytes in memory, or a local file (read by the storage itself, in parts when large). */
export type Source = { readonly bytes: Uint8Array } | { readonly file: string; readonly size: number };

/** `onBytes` is called with the number of bytes newly sent. */
export interface WriteOptions extends CallOptions {
  readonly onBytes?: (count: number) => void;
}

/**
 * Storage contract. Paths are absolute within the store, "/"-separated, without a leading "/" on object stores
 * (`bucket/key`), with one on a local disk. Rejects with StorageError only.
 */
export interface FileSystem {
  readonly protocol: Protocol;
  readonly caps: FsCaps;
  /** Absence is a value, not an error. */
  stat(path: string, options?: CallOptions): Promise<Info | undefined>;
  /** All files below `prefix` (a folder), any depth, in the storage's own order. */
  list(prefix: string, options?: CallOptions): AsyncIterable<Info>;
  /** The immediate children of a folder: files and folders. */
  children(path: string, options?: CallOptions): AsyncIterable<Info>;
  read(path: string, options?: ReadOptions): Promise<Readable>;
  /** The whole of a small file. */
  readBytes(path: string, options?: ReadOptions): Promise<Buffer>;
  /** Fetches into the local file `to` (created anew, not fsynced, not renamed); returns its md5 computed on the way. */
  download(
    path: string,
    to: string,
    options?: ReadOptions & { readonly onBytes?: (count: number) => void },
  ): Promise<{ md5: string; size: number }>;
  write(path: string, source: Source, options?: WriteOptions): Promise<void>;
  /** Removing what is not there succeeds. */
  remove(path: string, options?: CallOptions): Promise<void>;
  /** Removes many; default loops. */
  removeMany(paths: readonly string[], options?: CallOptions): Promise<void>;
  /** For a person: `s3://bucket/key`, `/abs/path`. */
  url(path: string): string;
  close(): Promise<void>;
}
