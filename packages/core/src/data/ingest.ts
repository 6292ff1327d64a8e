import type { BigIntStats } from "node:fs";
import { readFileSync, statSync } from "node:fs";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { md5Bytes, md5Dos2Unix, md5File } from "../hash/md5.ts";
import type { BuildOptions } from "./buildOptions.ts";
import type { FileColumns } from "./fileColumns.ts";
import { Control, Outcome } from "./ingestJob.ts";
import { HASH_TASK, openJob, runJob } from "./ingestRun.ts";
import { ioError } from "./ioError.ts";
import { Staging } from "./staging.ts";
import { canStoreLarge, storeLarge } from "./storeLarge.ts";

/** A file that changes while it is read is read again this often. */
const ATTEMPTS = 3;
/** From this size on (bytes) a file is worth a thread that writes while this one hashes. */
const LARGE_BYTES = 64 * 1024 * 1024;
/** So few files, each of at most so many bytes, are done one by one: lanes and staging folders cost 2 ms to set up. */
const FEW = 2;
const SMALL_BYTES = 256 * 1024;

/**
 * Fills in the hashes that are missing, storing the bytes where `options.store` says so. When it returns, what was
 * stored is safe against power loss.
 */
export async function ingest(files: FileColumns, options: BuildOptions): Promise<void> {
  const found = filesToRead(files, options);
  try {
    const todo = await storeLargest(files, found, options);
    const isFew = todo.length <= FEW && todo.every((index) => files.size(index) <= SMALL_BYTES);
    if (isFew || options.hashName === "md5-dos2unix") ingestSingly(files, todo, options);
    else await ingestInParallel(files, todo, options);
  } finally {
    options.store?.flush();
  }
}

async function ingestInParallel(files: FileColumns, todo: readonly number[], options: BuildOptions): Promise<void> {
  let left = await ingestMany(files, todo, options);
  // Threads don't die of files. Should one, its share is done by this one alone.
  if (left.isBroken) left = await ingestMany(files, left.rows, { ...options, jobs: 1 });
  for (const index of left.rows) ingestOne(files, index, options);
}

/** Several threads' work. @returns the files that are still to be done; `isBroken`: because a thread died. */
async function ingestMany(
  files: FileColumns,
  todo: readonly number[],
  options: BuildOptions,
): Promise<{ rows: number[]; isBroken: boolean }> {
  const staging = options.store === undefined ? undefined : new Staging(options.store, todo.length);
  try {
    const { job, threads } = openJob(files, todo, staging, options);
    await runJob(job, threads, files, options);
    staging?.publish(job);
    const rows: number[] = [];
    options.state?.expect(todo.length);
    todo.forEach((index, row) => {
      const outcome = job.outcomes[row];
      if (outcome === Outcome.retry || outcome === Outcome.todo) {
        rows.push(index);
        return;
      }
      files.setDigest(index, job.digests, row);
      options.state?.recordRow(files, index, files.asOf);
    });
    return { rows, isBroken: Atomics.load(job.control, Control.broken) !== 0 };
  } finally {
    staging?.clear();
  }
}

/** Those whose hash is not known, and those known whose bytes are not in the store. */
function filesToRead(files: FileColumns, options: BuildOptions): number[] {
  const todo: number[] = [];
  const present = options.store?.intact(knownHashes(files));
  for (let i = 0; i < files.count; i++) if (!files.hasHash(i) || present?.has(files.md5(i)) === false) todo.push(i);
  return todo;
}

function* knownHashes(files: FileColumns): Iterable<string> {
  for (let i = 0; i < files.count; i++) if (files.hasHash(i)) yield files.md5(i);
}

/**
 * A large file that is most of the work is stored first and by itself, with both threads on it. @returns the others; it
 * too when that did not succeed.
 */
async function storeLargest(files: FileColumns, todo: number[], options: BuildOptions): Promise<number[]> {
  const { store, state } = options;
  if (store === undefined || options.hashName === "md5-dos2unix" || options.jobs === 1) return todo;
  const large = largestOf(files, todo);
  if (large === undefined || !canStoreLarge()) return todo;
  const path = files.path(large);
  try {
    const md5 = await storeLarge(path, store, options);
    if (md5 === undefined || !files.isSame(large, statSync(path, { bigint: true }))) return todo;
    files.setHash(large, md5);
    state?.record(path, files.condition(large), md5, "md5", files.asOf);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw ioError(error, path);
  }
  return todo.filter((index) => index !== large);
}

/** The file that has at least half of all bytes, when it is large. */
function largestOf(files: FileColumns, todo: readonly number[]): number | undefined {
  let total = 0;
  let largest: number | undefined;
  for (const index of todo) {
    const size = files.size(index);
    total += size;
    if (size >= LARGE_BYTES && (largest === undefined || size > files.size(largest))) largest = index;
  }
  return largest !== undefined && files.size(largest) * 2 >= total ? largest : undefined;
}

function ingestSingly(files: FileColumns, todo: readonly number[], options: BuildOptions): void {
  if (todo.length === 0) return;
  const { reporter } = options;
  const bytes = reporter === undefined ? 0 : todo.reduce((sum, index) => sum + files.size(index), 0);
  reporter?.emit({ type: "start", task: HASH_TASK, items: todo.length, bytes });
  try {
    for (const index of todo) ingestOne(files, index, options);
  } finally {
    reporter?.emit({ type: "end", task: HASH_TASK });
  }
}

/** The careful way for one file: again when it was changed meanwhile, and past a damaged object. */
function ingestOne(files: FileColumns, index: number, options: BuildOptions): void {
  const path = files.path(index);
  options.signal?.throwIfAborted();
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const asOf = Date.now();
      const before = statSync(path, { bigint: true });
      files.setStat(index, before);
      const md5 = read(path, before, options);
      if (!files.isSame(index, statSync(path, { bigint: true }))) continue;
      files.setHash(index, md5);
      options.state?.record(path, before, md5, options.hashName ?? "md5", asOf);
      return;
    }
  } catch (error) {
    throw ioError(error, path);
  }
  throw new DvcError(`'${path}' was changed while it was read`, {
    code: "io",
    hint: "Try again when nothing writes to it.",
  });
}

function read(path: OsPath, stat: BigIntStats, options: BuildOptions): string {
  const { store, signal } = options;
  const limits = signal === undefined ? {} : { signal };
  if (options.hashName === "md5-dos2unix") {
    const { md5 } = md5Dos2Unix(path, limits);
    store?.addFile(path, md5, { hashedAt: stat, ...limits });
    return md5;
  }
  if (store === undefined) return md5File(path, limits).md5;
  if (stat.size > SMALL_BYTES) return store.ingest(path, limits).md5;
  const bytes = readFileSync(path);
  const md5 = md5Bytes(bytes);
  store.addBytes(md5, bytes, true);
  return md5;
}
