import { statSync } from "node:fs";
import { join } from "node:path";
import type { CallOptions } from "../base/events.ts";
import type { OsPath, RelPath } from "../base/paths.ts";
import type { Built } from "../data/build.ts";
import { FileColumns } from "../data/fileColumns.ts";
import { ingest } from "../data/ingest.ts";
import { builtFile, type SizedEntry, storeFolder } from "../data/storeBrought.ts";
import { inScratch } from "../data/swap.ts";
import { LocalFileSystem } from "../fs/local.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import { RemoteDb } from "../odb/remoteDb.ts";
import { fetch } from "../odb/transfer.ts";
import {
  bringObjects,
  cachesWith,
  type FileOrigin,
  type ObjectFile,
  type PlaceOptions,
  placeObject,
  type SourceFile,
  type SourceFiles,
  TURN_EVERY,
} from "./externalFiles.ts";
import type { Repo } from "./repo.ts";

/** What has to be copied out of a commit first is stored in portions of so many bytes. */
const PORTION_BYTES = 256 << 20;

/**
 * Puts files of another repository into the project's cache, each hashed on its way in, many at a time; the manifest of a
 * folder last.
 * @throws {DvcError} `missing-object`, {CorruptObjectError}, {UnsafePathError}
 */
export async function storeFiles(
  origin: FileOrigin,
  source: SourceFiles,
  { cache, tmpDir }: Repo,
  options: PlaceOptions,
): Promise<Built> {
  await bringObjects(origin, source.files, options);
  const taken = await takeObjects(origin, source.files, cache, options);
  const entries = knownEntries(source.files, taken);
  const rest = source.files.filter(({ object }) => object === undefined || !taken.has(object));
  for (let done = 0; done < rest.length;) {
    const portion = await inScratch(tmpDir, (scratch) =>
      storePortion(origin, rest.slice(done), cache, scratch, options),
    );
    for (const entry of portion) entries.push(entry);
    done += portion.length;
  }
  const [first] = entries;
  return !source.isDir && first !== undefined ? builtFile(first) : storeFolder(cache, entries, origin.root);
}

/** Stores the first of these files: all that can be read in place, and as many copies as a portion may have. */
async function storePortion(
  origin: FileOrigin,
  source: readonly SourceFile[],
  store: ObjectDb,
  scratch: OsPath,
  options: CallOptions,
): Promise<SizedEntry[]> {
  // They lie in many folders: the columns have whole paths.
  const files = new FileColumns("");
  const relpaths: RelPath[] = [];
  let copied = 0;
  for (const file of source) {
    if (copied >= PORTION_BYTES) break;
    if (files.count % TURN_EVERY === TURN_EVERY - 1) await new Promise(setImmediate);
    options.signal?.throwIfAborted();
    const copy = join(scratch, String(files.count));
    const path = readable(origin, file, copy);
    const stat = statSync(path, { bigint: true });
    if (path === copy) copied += Number(stat.size);
    files.add(path, stat);
    relpaths.push(file.rel);
  }
  await ingest(files, { ...options, store, jobs: undefined });
  return relpaths.map((relpath, row) => ({ relpath, md5: files.md5(row), size: files.size(row) }));
}

/**
 * Copies objects out of the 3.x caches that hold them: names stay what they are. What turns out to be damaged is left
 * for the way that looks into every cache.
 * @returns those that the project's cache holds now, with their bytes
 */
async function takeObjects(
  origin: FileOrigin,
  files: readonly SourceFile[],
  store: ObjectDb,
  { reporter, signal }: CallOptions,
): Promise<Map<ObjectFile, number>> {
  const byCache = new Map<ObjectDb, ObjectFile[]>();
  for (const { object } of files) {
    const found = object && cachesWith(origin, object).find(({ cache }) => cache.hashName === "md5");
    if (object === undefined || found === undefined) continue;
    const known = byCache.get(found.cache);
    if (known === undefined) byCache.set(found.cache, [object]);
    else known.push(object);
  }
  const taken = new Map<ObjectFile, number>();
  for (const [cache, objects] of byCache) {
    const oids = new Set(objects.map(({ oid }) => oid));
    const from = new RemoteDb(new LocalFileSystem(), cache.root, { name: "cache", layout: "3.x" });
    const limits = { ...(reporter === undefined ? {} : { reporter }), ...(signal === undefined ? {} : { signal }) };
    await fetch(store, from, { files: oids, dirs: new Set() }, limits);
    const here = store.intact(oids);
    for (const object of objects) if (here.has(object.oid)) taken.set(object, store.sizeOf(object.oid) ?? 0);
  }
  return taken;
}

/** Where the bytes of a file can be read: in place, or in a copy out of a commit or of a sound object. */
function readable(origin: FileOrigin, { object, path }: SourceFile, copy: OsPath): OsPath {
  if (object !== undefined) placeObject(origin, object, copy);
  else {
    const real = origin.view.plainPath(path);
    if (real !== undefined) return real;
    origin.view.copyPlain(path, copy);
  }
  return copy;
}

function knownEntries(files: readonly SourceFile[], taken: ReadonlyMap<ObjectFile, number>): SizedEntry[] {
  return files.flatMap(({ rel, object }) => {
    const size = object === undefined ? undefined : taken.get(object);
    return object === undefined || size === undefined ? [] : [{ relpath: rel, md5: object.oid, size }];
  });
}
