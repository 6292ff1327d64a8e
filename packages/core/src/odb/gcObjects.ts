import { rmdirSync, statSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { CallOptions } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { isLeftover, TEMPORARY_NAME } from "../fs/atomic.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { contentOf } from "./cacheContent.ts";
import type { ObjectDb } from "./objectDb.ts";
import type { FillingBin } from "./trash.ts";

/** How to collect garbage. */
export interface GcObjectsOptions extends CallOptions {
  /** Only say what would go. */
  readonly dry?: boolean;
  /** Called with the path of each object before it goes (or would), and its hash, unless it is no object at all. */
  readonly onRemove?: (path: OsPath, oid?: string) => void;
  /** Takes what goes, so that it can be brought back; without it everything is deleted. */
  readonly bin?: FillingBin;
  /** The time now, ms since the epoch; for tests. */
  readonly now?: number;
}

/** One object. */
interface StoredObject {
  readonly oid: string;
  /** Bytes. */
  readonly size: number;
  readonly path: OsPath;
}

/** Objects removed and the bytes they held. */
export interface GcObjectsResult {
  readonly objects: number;
  readonly bytes: number;
}

/** A temporary file is left alone for so long after its last write: its writer may run on another machine. */
const IDLE_MS = 10 * 60_000;
/** After so long it goes, even if its process id is in use: by somebody else. */
const ABANDONED_MS = 24 * 3_600_000;
const TURN_EVERY = 1000;

/**
 * Removes every object of a cache that `used` does not name, folders' manifests first: into a bin, or for good. The whole cache is listed before the
 * first is removed: when a part of it cannot be listed, nothing is. Removes leftover temporary files, too, uncounted.
 * Quarantined files are kept.
 * @throws the file system's error; on abort rejects with the signal's reason between two objects.
 */
export async function gcObjects(
  cache: ObjectDb,
  used: ReadonlySet<string>,
  options: GcObjectsOptions = {},
): Promise<GcObjectsResult> {
  const { unused, foreign, temporaries } = listUnused(cache, used);
  let bytes = 0;
  for (const [index, object] of unused.entries()) {
    if (index % TURN_EVERY === TURN_EVERY - 1) await new Promise(setImmediate);
    options.signal?.throwIfAborted();
    options.onRemove?.(object.path, object.oid);
    if (options.dry !== true) {
      if (options.bin === undefined) cache.remove(object.oid);
      else options.bin.take(cache, object.path, object.size);
    }
    bytes += object.size;
  }
  for (const path of foreign) {
    options.onRemove?.(path);
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    bytes += size;
    if (options.dry === true) continue;
    if (options.bin === undefined) rmSync(path, { recursive: true, force: true });
    else options.bin.take(cache, path, size);
  }
  const now = options.now ?? Date.now();
  if (options.dry !== true) {
    for (const path of temporaries) removeLeftover(path, now);
    for (const folder of new Set([...unused.map(({ path }) => path), ...foreign].map((path) => dirname(path))))
      removeIfEmpty(folder);
  }
  return { objects: unused.length + foreign.length, bytes };
}

/** What of a cache is not used, manifests first; what is no object at all; temporary files. One pass: only what is not used is looked at more closely. */
export function listUnused(
  cache: ObjectDb,
  used: ReadonlySet<string>,
): { unused: StoredObject[]; foreign: OsPath[]; temporaries: OsPath[] } {
  const manifests: StoredObject[] = [];
  const files: StoredObject[] = [];
  const foreign: OsPath[] = [];
  const temporaries: OsPath[] = [];
  for (const { oid, path, kind } of contentOf(cache, (name) => used.has(name))) {
    if (kind === "temporary") temporaries.push(path);
    else if (kind === "foreign") foreign.push(path);
    else {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat !== undefined) (isDirHash(oid) ? manifests : files).push({ oid, size: stat.size, path });
    }
  }
  return { unused: manifests.concat(files), foreign, temporaries };
}

function removeLeftover(path: OsPath, now: number): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  const idle = now - Math.max(stat.mtimeMs, stat.ctimeMs);
  const name = basename(path);
  if (!TEMPORARY_NAME.test(name) || idle < IDLE_MS || (idle < ABANDONED_MS && !isLeftover(name))) return;
  try {
    rmSync(path, { recursive: true }); // a file, or the staging folder of a build
  } catch {
    // Somebody else's, or gone: not worth failing for.
  }
}

function removeIfEmpty(folder: OsPath): void {
  try {
    rmdirSync(folder);
  } catch {
    // Still in use.
  }
}
