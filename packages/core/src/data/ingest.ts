import type { BigIntStats } from "node:fs";
import { statSync } from "node:fs";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { md5Dos2Unix, md5File } from "../hash/md5.ts";
import type { BuildOptions } from "./buildOptions.ts";
import type { FileColumns } from "./fileColumns.ts";
import { Outcome } from "./ingestJob.ts";
import { hexAt } from "./ingestLoop.ts";
import { openJob, runJob } from "./ingestRun.ts";
import { ioError } from "./ioError.ts";
import { Staging } from "./staging.ts";

/** A file that changes while it is read is read again this often. */
const ATTEMPTS = 3;

/**
 * Fills in the hashes that are missing, storing the bytes where `options.store` says so. When it returns, what was
 * stored is safe against power loss.
 */
export async function ingest(files: FileColumns, options: BuildOptions): Promise<void> {
  const todo = filesToRead(files, options);
  if (todo.length === 0) return;
  if (options.hashName === "md5-dos2unix") {
    for (const index of todo) ingestOne(files, index, options);
    options.store?.flush();
    return;
  }
  const staging = options.store === undefined ? undefined : new Staging(options.store, todo.length);
  try {
    const { job, threads } = openJob(files, todo, staging, options);
    await runJob(job, threads, files, options);
    staging?.publish(job);
    const left: number[] = [];
    todo.forEach((index, row) => {
      const outcome = job.outcomes[row];
      if (outcome === Outcome.retry || outcome === Outcome.todo) {
        left.push(index);
        return;
      }
      const md5 = hexAt(job.digests, row);
      files.hashes[index] = md5;
      options.state?.record(files.paths[index] as OsPath, files.condition(index), md5, "md5", files.asOf);
    });
    for (const index of left) ingestOne(files, index, options);
    options.store?.flush();
  } finally {
    staging?.clear();
  }
}

/** Those whose hash is not known, and those known whose bytes are not in the store. */
function filesToRead(files: FileColumns, options: BuildOptions): number[] {
  const todo: number[] = [];
  const known = files.hashes.filter((md5) => md5 !== undefined);
  const present = known.length === 0 ? undefined : options.store?.intact(known);
  for (let i = 0; i < files.count; i++) {
    const md5 = files.hashes[i];
    if (md5 === undefined || present?.has(md5) === false) todo.push(i);
  }
  return todo;
}

/** The careful way for one file: again when it was changed meanwhile, and past a damaged object. */
function ingestOne(files: FileColumns, index: number, options: BuildOptions): void {
  const path = files.paths[index] as OsPath;
  options.signal?.throwIfAborted();
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const asOf = Date.now();
      const before = statSync(path, { bigint: true });
      files.setStat(index, before);
      const md5 = read(path, before, options);
      if (!files.isSame(index, statSync(path, { bigint: true }))) continue;
      files.hashes[index] = md5;
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
  return (store === undefined ? md5File(path, limits) : store.ingest(path, limits)).md5;
}
