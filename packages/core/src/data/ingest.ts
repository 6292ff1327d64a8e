import type { BigIntStats } from "node:fs";
import { statSync } from "node:fs";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { md5Dos2Unix, md5File } from "../hash/md5.ts";
import type { BuildOptions } from "./buildOptions.ts";
import type { FileColumns } from "./fileColumns.ts";
import { ioError } from "./ioError.ts";

/** A file that changes while it is read is read again this often. */
const ATTEMPTS = 3;

/** Fills in the hashes that are missing, storing the bytes where `options.store` says so. */
export async function ingest(files: FileColumns, options: BuildOptions): Promise<void> {
  const { store } = options;
  const known = files.hashes.filter((md5) => md5 !== undefined);
  const present = store?.intact(known);
  for (let i = 0; i < files.count; i++) {
    const md5 = files.hashes[i];
    if (md5 !== undefined && present?.has(md5) !== false) continue;
    options.signal?.throwIfAborted();
    ingestOne(files, i, options);
  }
  store?.flush();
  await Promise.resolve();
}

function ingestOne(files: FileColumns, index: number, options: BuildOptions): void {
  const path = files.paths[index] as OsPath;
  const name = options.hashName ?? "md5";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const asOf = Date.now();
    try {
      const before = statSync(path, { bigint: true });
      const { md5 } = read(path, before, options);
      const after: BigIntStats = statSync(path, { bigint: true });
      files.setStat(index, before);
      if (!files.isSame(index, after)) continue;
      files.hashes[index] = md5;
      options.state?.record(path, after, md5, name, asOf);
      return;
    } catch (error) {
      throw ioError(error, path);
    }
  }
  throw new DvcError(`'${path}' was changed while it was read`, {
    code: "io",
    hint: "Try again when nothing writes to it.",
  });
}

function read(path: OsPath, stat: BigIntStats, options: BuildOptions): { md5: string } {
  const { store, signal } = options;
  const limits = signal === undefined ? {} : { signal };
  if (options.hashName === "md5-dos2unix") {
    const hashed = md5Dos2Unix(path, limits);
    store?.addFile(path, hashed.md5, { hashedAt: stat, ...limits });
    return hashed;
  }
  return store === undefined ? md5File(path, limits) : store.ingest(path, limits);
}
