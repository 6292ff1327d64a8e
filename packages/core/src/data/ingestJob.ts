import type { OsPath } from "../base/paths.ts";
import type { TextShare } from "../base/textColumn.ts";

/** What became of a file. From {@link Outcome.staged} on: it lies in the staging folder of thread `outcome - staged`. */
export const Outcome = {
  /** Not looked at yet. */
  todo: 0,
  /** Hashed; nothing to store, or the object is there already. */
  hashed: 1,
  /** It was changed while it was read, or what lies at the object's place looks wrong: to be done one by one. */
  retry: 2,
  /** Hashed and written under its final name in {@link IngestJob.fresh}, or another thread has done so with equal bytes. */
  fresh: 3,
  /** Hashed and written, not yet named. */
  staged: 4,
} as const;

/** Indexes of {@link IngestJob.control}. `broken`: a thread died in the middle of something. */
export const Control = { nextBatch: 0, stop: 1, files: 2, kibibytes: 3, broken: 4 } as const;

/** Work that several threads share; the arrays lie in shared memory. Plain data, so that it can be sent to a worker. */
export interface IngestJob {
  /** What comes before each relpath. */
  readonly base: OsPath;
  readonly relpaths: TextShare;
  /** See `FileColumns.stats`; one row a path. */
  readonly stats: BigUint64Array;
  /** 16 bytes a path. */
  readonly digests: Uint8Array;
  /** One {@link Outcome} a path. */
  readonly outcomes: Uint8Array;
  readonly control: Int32Array;
  /** First path of each batch, and the number of paths as last element. */
  readonly batches: readonly number[];
  /** The folder of the object folders, or undefined to hash only. */
  readonly objects: OsPath | undefined;
  /** The object folders (two digits) that were there at the start: elsewhere no object needs to be looked for. */
  readonly shards: readonly string[];
  /** Staging folders, one a thread. */
  readonly staging: readonly OsPath[];
  /**
   * A folder with an object folder for each that the cache lacks, which gets its place by one rename with all that is in
   * it: objects are written there under their names, at once. Undefined when there are too few files for that.
   */
  readonly fresh: OsPath | undefined;
  /** Flush each file by itself: for few. */
  readonly syncEach: boolean;
}

/** A file that could not be read or stored. */
export interface IngestFailure {
  readonly index: number;
  readonly message: string;
  /** What the system says besides; `path`: the file that the call was about. */
  readonly system: Readonly<Pick<NodeJS.ErrnoException, "code" | "errno" | "syscall">> & { readonly path: OsPath };
}
