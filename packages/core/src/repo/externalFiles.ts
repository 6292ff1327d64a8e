import { lstatSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CorruptObjectError, DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { checkManifestPath, type OsPath, placeInRepo, type RelPath } from "../base/paths.ts";
import { md5Bytes, md5Dos2Unix, md5File } from "../hash/md5.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import { TransferProgress } from "../odb/transferProgress.ts";
import { isRepoImport } from "../pipeline/stage.ts";
import { cacheFor, recordedHash, type StageOutput } from "./dataRoots.ts";
import type { Repo } from "./repo.ts";
import { fetchFilesOf } from "./fetchObjects.ts";
import { copyAsNew } from "./newFile.ts";
import type { RepoView, ViewEntry } from "./repoView.ts";
import { isDvcFileName } from "./stageFiles.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** The event loop gets its turn after so many files, for progress and aborts. */
export const TURN_EVERY = 256;

/** A repository to take files from. */
export interface FileOrigin {
  readonly view: RepoView;
  readonly root: OsPath;
  upstream(repo: Repo): Repo | undefined;
}

/** A tracked file: an object of the project that tracks it. */
export interface ObjectFile {
  readonly repo: Repo;
  readonly one: StageOutput;
  readonly oid: string;
}

/** One file to take: from the plain files, or an object. */
export interface SourceFile {
  /** "." when a single file was asked for. */
  readonly rel: RelPath;
  readonly path: OsPath;
  readonly object: ObjectFile | undefined;
}

/** What a path of a repository holds. */
export interface SourceFiles {
  readonly isDir: boolean;
  readonly files: readonly SourceFile[];
}

/**
 * The files at `path` (the repository's root is the root of all paths). Where a file lies in the workspace as well, that one counts, as
 * in DVC.
 * @throws {DvcError} `not-found`; `missing-object` for a folder whose manifest is nowhere; {UnsafePathError}.
 */
export async function sourceFiles(origin: FileOrigin, path: string): Promise<SourceFiles> {
  const at = placeInRepo(origin.root, path);
  const own = await origin.view.info(at);
  if (own === undefined) throw new DvcError(`[Errno 2] No such file or directory: '${path}'`, { code: "not-found" });
  if (!own.isDir) return { isDir: false, files: [await sourceFile(origin, own, ".")] };
  const files: SourceFile[] = [];
  await collect(origin, own, "", files);
  return { isDir: true, files };
}

async function collect(origin: FileOrigin, folder: ViewEntry, prefix: string, files: SourceFile[]): Promise<void> {
  for (const child of (await origin.view.children(folder.path)) ?? []) {
    const rel = prefix + basename(child.path);
    if (isDvcFileName(rel)) continue; // never copied
    checkManifestPath(rel, origin.root);
    if (child.isDir) await collect(origin, child, `${rel}/`, files);
    else files.push(await sourceFile(origin, child, rel));
  }
}

async function sourceFile(origin: FileOrigin, entry: ViewEntry, rel: RelPath): Promise<SourceFile> {
  const { path, hash } = entry;
  if (hash === undefined || (entry.isPlain && !isLink(path))) return { rel, path, object: undefined };
  const holder = await origin.view.outputAt(path);
  if (holder === undefined) return { rel, path, object: undefined };
  return { rel, path, object: { repo: holder.repo, one: holder.one, oid: hash } };
}

function isLink(path: OsPath): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

/** How objects that are in no cache are got. */
export interface PlaceOptions extends CallOptions {
  readonly jobs?: number;
  /** Brings the data of an output that the other repository itself imports. */
  readonly bring: (repo: Repo, one: StageOutput, options: CallOptions) => Promise<unknown>;
}

/**
 * Writes files to `to`, which must not exist, as plain files that belong to the user. Objects are compared with their hash.
 * @throws {DvcError} `missing-object`, {CorruptObjectError}, {UnsafePathError}
 */
export async function placeFiles(
  origin: FileOrigin,
  source: SourceFiles,
  to: OsPath,
  options: PlaceOptions,
): Promise<void> {
  await bringObjects(origin, source.files, options);
  makeFolders(source.isDir ? to : dirname(to));
  const made = new Set<OsPath>([to]);
  const progress = new TransferProgress(options.reporter, "Copying", source.files.length);
  try {
    for (const [index, file] of source.files.entries()) {
      if (index % TURN_EVERY === TURN_EVERY - 1) await new Promise(setImmediate);
      options.signal?.throwIfAborted();
      const target = file.rel === "." ? to : join(to, file.rel);
      const folder = dirname(target);
      if (source.isDir && !made.has(folder)) makeFolders(folder);
      made.add(folder);
      if (file.object === undefined) origin.view.copyPlain(file.path, target);
      else placeObject(origin, file.object, target);
      progress.add(1, 0);
    }
  } finally {
    progress.end();
  }
}

/**
 * Copies an object and compares the copy with its hash: the cache of the source may have been edited.
 * @throws {DvcError} `missing-object`, {CorruptObjectError}
 */
export function placeObject(origin: FileOrigin, object: ObjectFile, target: OsPath): void {
  const { oid } = object;
  let damaged: CorruptObjectError | undefined;
  for (const { cache, isOwn } of cachesWith(origin, object)) {
    const from = cache.pathOf(oid);
    const bytes = copyAsNew(from, target);
    const actual = cache.hashName === "md5" ? hashOf(bytes, target) : md5Dos2Unix(target).md5;
    if (actual === oid) return;
    rmSync(target);
    if (isOwn) cache.verify(oid);
    damaged ??= new CorruptObjectError(`'${from}' is corrupted: its hash is ${actual}`, {
      path: from,
      expected: oid,
      actual,
    });
  }
  if (damaged !== undefined) throw damaged;
  throw new DvcError(`[Errno 2] No storage files available: '${object.one.out.defPath}'`, {
    code: "missing-object",
    hint: `Its object ${oid} is neither in a cache nor on a remote.`,
  });
}

function hashOf(bytes: Buffer | undefined, copy: OsPath): string {
  return bytes === undefined ? md5File(copy).md5 : md5Bytes(bytes);
}

/** The caches that hold an object: the one worked with, then that of a local source, which is only looked at. */
export function cachesWith(origin: FileOrigin, { repo, one, oid }: ObjectFile): { cache: ObjectDb; isOwn: boolean }[] {
  const hash = recordedHash(one) ?? { name: "md5" as const, value: "" };
  const own = cacheFor(repo, hash);
  const found = own.check(oid) === "ok" ? [{ cache: own, isOwn: true }] : [];
  const upstream = origin.upstream(repo);
  const theirs = upstream === undefined ? undefined : cacheFor(upstream, hash);
  if (theirs?.exists([oid]).has(oid) === true) found.push({ cache: theirs, isOwn: false });
  return found;
}

/**
 * Fetches the objects that no cache has, output by output: from its remote, or from where the other repository imported it.
 * @throws {DvcError} `storage`
 */
export async function bringObjects(
  origin: FileOrigin,
  files: readonly SourceFile[],
  options: PlaceOptions,
): Promise<void> {
  const missing = new Map<StageOutput, { repo: Repo; oids: Set<string> }>();
  for (const { object } of files) {
    if (object === undefined || cachesWith(origin, object).length > 0) continue;
    const known = missing.get(object.one) ?? { repo: object.repo, oids: new Set<string>() };
    known.oids.add(object.oid);
    missing.set(object.one, known);
  }
  for (const [one, { repo, oids }] of missing) {
    const [failure] = (await fetchFilesOf(repo, one, oids, options))?.failed ?? [];
    if (failure !== undefined)
      throw new DvcError(`failed to transfer '${failure.oid}'`, { code: "storage", cause: failure.error });
    const cache = cacheFor(repo, recordedHash(one) ?? { name: "md5", value: "" });
    if (isRepoImport(one.stage) && cache.intact(oids).size < oids.size) await options.bring(repo, one, options);
  }
}

/** Moves a finished file or folder to its place; into a folder that is there, file by file. */
export function moveInto(from: OsPath, to: OsPath): void {
  const { readdirSync, renameSync } = process.getBuiltinModule("node:fs");
  const [source, target] = [statSync(from), lstatSync(to, { throwIfNoEntry: false })];
  if (target === undefined || !source.isDirectory()) {
    renameSync(from, to);
    return;
  }
  if (!target.isDirectory()) {
    rmSync(to);
    renameSync(from, to);
    return;
  }
  for (const name of readdirSync(from)) moveInto(join(from, name), join(to, name));
  rmSync(from, { recursive: true });
}
