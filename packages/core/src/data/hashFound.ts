import { statSync } from "node:fs";
import { md5Dos2Unix, md5File } from "../hash/md5.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import type { State } from "../odb/state.ts";
import type { Stamp } from "./plan.ts";
import type { FoundFile } from "./planScan.ts";

/**
 * The hash of a file of the workspace by the rule of `cache`, from the state or by reading it; links are followed. Undefined
 * when it is no file, or somebody writes to it at this moment.
 * @throws the file system's error when it cannot be read; the signal's reason.
 */
export function hashFound(found: FoundFile, cache: ObjectDb, state: State, signal?: AbortSignal): string | undefined {
  if (found.target === undefined) return undefined;
  const known = state.lookup(found.path, found.target, cache.hashName);
  if (known !== undefined) return known;
  const before = Date.now();
  const options = signal === undefined ? {} : { signal };
  const { md5 } = cache.hashName === "md5" ? md5File(found.path, options) : md5Dos2Unix(found.path, options);
  const after = statSync(found.path, { bigint: true, throwIfNoEntry: false });
  if (after === undefined || !sameStamp(after, found.target)) return undefined;
  state.record(found.path, after, md5, cache.hashName, before);
  return md5;
}

/** Whether nobody touched a file between two looks. */
export function sameStamp(a: Stamp, b: Stamp): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.dev === b.dev;
}
