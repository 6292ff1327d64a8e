import { createHash, hash as hashOnce } from "node:crypto";
import { closeSync, fchmodSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { CorruptObjectError, StorageError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { removeQuietly, temporaryPath, writeAll } from "../fs/atomic.ts";
import { openToRead } from "../fs/openToRead.ts";
import { DIR_SUFFIX, isDirHash } from "../hash/hashInfo.ts";
import { HeldShards } from "./heldShards.ts";
import { NamesToGive } from "./namesToGive.ts";
import { makeObjectFolder } from "./objectFolder.ts";
import { ofFile } from "../base/ofFile.ts";

/** One object to copy between two folders of this machine. */
export interface CopyJob {
  readonly oid: string;
  readonly from: OsPath;
  readonly to: OsPath;
}

/** How to copy. */
export interface CopyOptions {
  /** Whether the object id is the md5 of the bytes, so that they can be verified on the way (not for `md5-dos2unix`). */
  readonly verify: boolean;
  /** Permission bits of new folders; 0777 less the umask when not given (`2775` in a shared cache). */
  readonly dirMode?: number | undefined;
  /** Whether links where the objects go are followed: it is a remote. */
  readonly follows?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** After each object. */
  readonly onObject?: (oid: string, bytes: number) => void;
}

/** What became of the jobs: `count` were done, the others are told by name. `missing`: the source was not there. */
export interface CopyOutcome {
  count: number;
  bytes: number;
  readonly missing: string[];
  readonly failed: { oid: string; error: Error }[];
}

/** Those of `oids` that were done. */
export function* doneOf(oids: Iterable<string>, { missing, failed }: CopyOutcome): Iterable<string> {
  const lost = new Set([...missing, ...failed.map(({ oid }) => oid)]);
  for (const oid of oids) if (!lost.has(oid)) yield oid;
}

const BUFFER_BYTES = 1 << 20;
/** The event loop gets its turn after so many bytes or files, for progress and aborts. */
const BITE_BYTES = 16 << 20;
const BITE_FILES = 256;
/** What every other object would meet, too. */
const NO_ROOM: ReadonlySet<string | undefined> = new Set(["ENOSPC", "EDQUOT", "EROFS"]);

/**
 * Copies objects with plain synchronous calls: read, verify, temporary file (0444) beside the target, flush, rename.
 * Nothing gets its name before its bytes are checked and safe on disk; many are flushed at once. What was copied before
 * an abort or a full disk keeps its place.
 * Measured for 20,000 x 4 KiB: 0.9 s, against 2.5 s with promises.
 * @throws the signal's reason, or a StorageError when the disk is full or read-only; other failures are collected.
 */
export async function copyObjects(jobs: Iterable<CopyJob>, options: CopyOptions): Promise<CopyOutcome> {
  const outcome: CopyOutcome = { count: 0, bytes: 0, missing: [], failed: [] };
  const names = new NamesToGive(new HeldShards(options.follows));
  try {
    await copyEach(jobs, new Copier(options, names), names, outcome, options);
  } finally {
    names.finishNow();
  }
  return outcome;
}

async function copyEach(
  jobs: Iterable<CopyJob>,
  copier: Copier,
  names: NamesToGive,
  outcome: CopyOutcome,
  options: CopyOptions,
): Promise<void> {
  let biteStart = 0;
  let begun = 0;
  for (const job of jobs) {
    if (outcome.bytes - biteStart > BITE_BYTES || ++begun % BITE_FILES === 0) {
      biteStart = outcome.bytes;
      await new Promise(setImmediate);
      options.signal?.throwIfAborted();
    }
    // Outside of the try: a disk that cannot be flushed is no failure of this one object.
    names.flushNowWhenDue();
    try {
      const bytes = copier.copy(job);
      if (bytes === undefined) {
        outcome.missing.push(job.oid);
        continue;
      }
      outcome.count++;
      outcome.bytes += bytes;
      options.onObject?.(job.oid, bytes);
    } catch (error) {
      if (NO_ROOM.has((error as NodeJS.ErrnoException).code)) throw refused(job.to, error);
      outcome.failed.push({ oid: job.oid, error: error as Error });
    }
  }
}

class Copier {
  readonly #options: CopyOptions;
  readonly #buffer: Buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  readonly #folders: Set<string> = new Set<string>();

  readonly #names: NamesToGive;

  constructor(options: CopyOptions, names: NamesToGive) {
    this.#options = options;
    this.#names = names;
  }

  /** Bytes copied, or undefined when there is no source. */
  copy(job: CopyJob): number | undefined {
    const from = openExisting(job.from);
    if (from === undefined) return undefined;
    try {
      const first = fill(from, this.#buffer, job.from);
      return first < this.#buffer.length ? this.#copySmall(job, first) : this.#copyLarge(job, from, first);
    } finally {
      closeSync(from);
    }
  }

  #copySmall(job: CopyJob, length: number): number {
    const bytes = this.#buffer.subarray(0, length);
    if (this.#options.verify) checkHash(job, hashOnce("md5", bytes));
    return this.#place(job.to, (fd) => {
      writeAll(fd, bytes, length);
      return length;
    });
  }

  #copyLarge(job: CopyJob, from: number, first: number): number {
    return this.#place(job.to, (fd) => {
      let size = 0;
      const digest = this.#options.verify ? createHash("md5") : undefined;
      for (let count = first; count > 0; count = fill(from, this.#buffer, job.from)) {
        this.#options.signal?.throwIfAborted();
        const bytes = this.#buffer.subarray(0, count);
        digest?.update(bytes);
        writeAll(fd, bytes, count);
        size += count;
      }
      if (digest !== undefined) checkHash(job, digest.digest("hex"));
      return size;
    });
  }

  /** Writes aside what gets its name later. @returns the bytes written. */
  #place(to: OsPath, write: (fd: number) => number): number {
    this.#makeFolder(dirname(to));
    const temporary = temporaryPath(to);
    let size: number;
    try {
      const fd = openSync(temporary, "wx", 0o444);
      try {
        size = write(fd);
        // Whatever the umask took away: exactly this mode says that nobody has edited the object.
        fchmodSync(fd, 0o444);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      removeQuietly(temporary);
      throw error;
    }
    this.#names.add({ temporary, path: to, size });
    return size;
  }

  #makeFolder(folder: OsPath): void {
    if (this.#folders.has(folder)) return;
    makeObjectFolder(folder, this.#options.dirMode);
    this.#folders.add(folder);
  }
}

/** Reads until the buffer is full or the file ends. */
function fill(fd: number, buffer: Buffer, path: OsPath): number {
  let total = 0;
  while (total < buffer.length) {
    const at = total;
    const count = ofFile(path, () => readSync(fd, buffer, at, buffer.length - at, null));
    if (count === 0) break;
    total += count;
  }
  return total;
}

function openExisting(path: OsPath): number | undefined {
  try {
    return openToRead(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

function checkHash(job: CopyJob, md5: string): void {
  const actual = isDirHash(job.oid) ? md5 + DIR_SUFFIX : md5;
  if (actual === job.oid) return;
  throw new CorruptObjectError(`'${job.from}' is damaged: its bytes have the hash ${actual}`, {
    path: job.from,
    expected: job.oid,
    actual,
    hint: "It was not copied. Get the object again from a place that has it.",
  });
}

function refused(path: OsPath, cause: unknown): StorageError {
  return new StorageError((cause as Error).message, { protocol: "local", path, cause });
}
