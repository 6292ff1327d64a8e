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
  /** A listing asks for every folder by itself, so that it costs as many requests as there are folders at least. */
  readonly byFolder?: true;
}

/** One file of a storage. `path` as in the call. */
export interface Info {
  readonly path: string;
  /** Bytes; 0 where nobody tells. */
  readonly size: number;
  /** The server does not tell the size: some make files up as they send them. */
  readonly sizeUnknown?: true;
  readonly type: "file" | "folder";
  readonly etag?: string;
  readonly versionId?: string;
  /** Milliseconds since the epoch. */
  readonly mtimeMs?: number;
}

/** Of which version; the current one when not given. */
export interface StatOptions extends CallOptions {
  readonly versionId?: string;
}

/** `start` inclusive, `end` exclusive, in bytes. */
export interface ReadOptions extends CallOptions {
  readonly start?: number;
  readonly end?: number;
  readonly versionId?: string;
}

/** Narrows a listing. */
export interface ListOptions extends CallOptions {
  /** Only files whose path relative to the folder begins with this text (need not end at a "/"). */
  readonly startsWith?: string;
}

/** An object that comes, or is noted, in ranges of `range` bytes. `etag`: whatever tells its bytes from others of the same name. */
export interface FetchedObject {
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  readonly range: number;
}

/** Keeps track of the ranges of a large object that are in place, so that an interrupted download can go on in another run. */
export interface RangeNotes {
  /** What an earlier run has begun to fetch to the place: the rest of just that may be asked for. Nothing is changed. */
  left(): FetchedObject | undefined;
  /**
   * Puts what an earlier run left of just this object at the download's place.
   * @returns beginnings of the ranges that it holds; undefined: there is nothing, the place is as it was
   */
  takeOver(object: FetchedObject): readonly number[] | undefined;
  /** From now on, ranges of this object come to the place; `done` are there. */
  begin(object: FetchedObject, done: readonly number[]): void;
  /** A further range is there. */
  done(start: number): void;
  /** Nothing is in place any more. */
  forget(): void;
}

/** How to fetch into a local file. `onBytes` is called with the number of bytes newly received. */
export interface DownloadOptions extends ReadOptions {
  /** For large objects; who gives it compares the hash of all that came with the one that is wanted. */
  readonly notes?: RangeNotes;
  readonly onBytes?: (count: number) => void;
  /** Permission bits of the new file, `0o666` (less the umask) when not given. */
  readonly mode?: number;
  /** Bytes, when known; saves a round trip on some storages. A wrong value is an error. */
  readonly size?: number;
}

/** What a download found out on its way: hex md5 of all the bytes, and their number. */
export interface Downloaded {
  readonly md5: string;
  readonly size: number;
  /** A part of it came by another try, or run, than the rest: with `notes` only. */
  readonly isPieced?: true;
}

/** What to write: bytes in memory, or a local file (read by the storage itself, in parts when large). */
export type Source = { readonly bytes: Uint8Array } | { readonly file: string; readonly size: number };

/** `onBytes` is called with the number of bytes newly sent. */
export interface WriteOptions extends CallOptions {
  readonly onBytes?: (count: number) => void;
  /**
   * Hex md5 that the bytes must have. The storage hashes what it sends; on a difference it rejects with
   * CorruptObjectError and nothing appears under the name.
   */
  readonly md5?: string;
  /** Told what the storage made of it, where it says so in its answer. */
  readonly onWritten?: (facts: Pick<Info, "etag" | "versionId">) => void;
}

/** How a storage is reached, for a person; never a secret. */
export interface AccessFacts {
  /** Where the credentials come from: `environment (AWS_ACCESS_KEY_ID)`, `profile 'work' of /home/…`, `none (anonymous)`. */
  readonly credentials: string;
  /** Who they stand for, as far as that may be shown. */
  readonly identity?: string;
  /** The server that is asked. */
  readonly endpoint?: string;
  readonly region?: string;
  /** How far the server's clock is ahead of this machine's (ms), when an answer told that it matters. */
  readonly clockSkewMs?: number;
}

/**
 * Storage contract. Paths are absolute within the store, "/"-separated, without a leading "/" on object stores
 * (`bucket/key`), with one on a local disk. Rejects with StorageError only.
 */
export interface FileSystem {
  readonly protocol: Protocol;
  readonly caps: FsCaps;
  /** Absence is a value, not an error. */
  stat(path: string, options?: StatOptions): Promise<Info | undefined>;
  /** All files below `prefix` (a folder), any depth, in the storage's own order. */
  list(prefix: string, options?: ListOptions): AsyncIterable<Info>;
  /** The immediate children of a folder: files and folders. */
  children(path: string, options?: CallOptions): AsyncIterable<Info>;
  read(path: string, options?: ReadOptions): Promise<Readable>;
  /** The whole of a small file. */
  readBytes(path: string, options?: ReadOptions): Promise<Buffer>;
  /** Fetches into the local file `to` (created anew, not fsynced, not renamed); returns its md5 computed on the way. */
  download(path: string, to: string, options?: DownloadOptions): Promise<Downloaded>;
  write(path: string, source: Source, options?: WriteOptions): Promise<void>;
  /** What the storage itself tells of a file's contents, where DVC records that (`checksum`) instead of the ETag. */
  checksum?(file: Info, options?: CallOptions): Promise<string | undefined>;
  /** Whether the bucket that `path` begins with keeps versions, for storages whose files have ids in any case; undefined when it won't say. */
  keepsVersions?(path: string, options?: CallOptions): Promise<boolean | undefined>;
  /** Removing what is not there succeeds. */
  remove(path: string, options?: CallOptions): Promise<void>;
  /** Removes many; default loops. */
  removeMany(paths: readonly string[], options?: CallOptions): Promise<void>;
  /** For a person: `s3://bucket/key`, `/abs/path`; of a version as DVC writes it, where the storage keeps versions. */
  url(path: string, versionId?: string): string;
  /** How it is reached. Looks for credentials, but asks the storage nothing. @throws {StorageError} when none are found */
  access?(): Promise<AccessFacts>;
  close(): Promise<void>;
}

/** A storage whose files lie on this machine's own disks, so that transfers may use plain synchronous calls. */
export interface LocalPathFileSystem extends FileSystem {
  /** The native path of a file of this storage. */
  localPath(path: string): string;
}

/** Whether `fs` lies on this machine's disks. */
export function isLocalPathFileSystem(fs: FileSystem): fs is LocalPathFileSystem {
  return typeof (fs as Partial<LocalPathFileSystem>).localPath === "function";
}
