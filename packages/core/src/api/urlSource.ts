import { dirname, join, resolve } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { checkManifestPath, type OsPath, type RelPath } from "../base/paths.ts";
import { type Environment, questionsOf } from "../base/platform.ts";
import { mapBounded } from "../base/pool.ts";
import type { Built } from "../data/build.ts";
import { builtFile, type FetchTo, type SizedEntry, storeDownload, storeFolder } from "../data/storeBrought.ts";
import { refuseIgnoreFile } from "../data/walk.ts";
import { type FileSystem, type Info, isLocalPathFileSystem } from "../fs/filesystem.ts";
import { openStorage, protocolOf } from "../fs/open.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import { TransferProgress } from "../odb/transferProgress.ts";
import { checkFolders } from "../odb/tree.ts";
import { openRepo, type Repo } from "../repo/repo.ts";
import { openStorageOf, resolveRemote } from "../repo/remote.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** A place on a storage that a URL, a path or `remote://name/path` names. */
export interface UrlPlace {
  readonly fs: FileSystem;
  /** In the storage's own spelling. */
  readonly path: string;
  /** Native path, when the place is on this machine's disks. */
  readonly localPath: OsPath | undefined;
}

/** Options of a storage by DVC's names, as `--fs-config` takes them. */
export type FsConfig = Readonly<Record<string, string>>;

/** How to open a URL. */
export interface OpenUrlOptions extends CallOptions {
  /** Whose config knows the remotes; default: that of the project around the working folder, if any. */
  readonly repo?: Repo;
  readonly fsConfig?: FsConfig;
  /** URL and `fsConfig` come from a file of a repository, not from the user. */
  readonly fromFile?: boolean;
}

/**
 * Opens what `url` names; relative paths count from the working folder.
 * @throws {ConfigError} for an unknown remote or protocol, {StorageError}
 */
export async function openUrl(env: Environment, url: string, options: OpenUrlOptions = {}): Promise<UrlPlace> {
  const remote = /^remote:\/\/([^/]*)\/?(.*)$/i.exec(url);
  const { fs, root } = remote === null ? await openPlain(env, url, options) : await openOnRemote(env, remote, options);
  const path = root.length > 1 ? root.replace(/\/+$/, "") : root;
  return { fs, path, localPath: isLocalPathFileSystem(fs) ? fs.localPath(path) : undefined };
}

function openPlain(env: Environment, url: string, options: OpenUrlOptions): ReturnType<typeof openStorage> {
  const { repo, fsConfig = {}, fromFile } = options;
  const place = protocolOf(url) === "local" ? resolve(env.cwd, url.replace(/^(file|local):\/\//i, "")) : url;
  return openStorage(place, {
    values: { ...fsConfig, url: place },
    untrusted: new Set(fromFile === true ? [...Object.keys(fsConfig), "url"] : []),
    env: env.env,
    home: env.home,
    ...questionsOf(env),
    ...(repo === undefined ? {} : { projectRoot: repo.git?.root ?? repo.root }),
  });
}

async function openOnRemote(
  env: Environment,
  match: RegExpExecArray,
  options: OpenUrlOptions,
): ReturnType<typeof openStorage> {
  const repo = options.repo ?? (await openRepo(env, { uninitialized: true }));
  const base = resolveRemote(repo, match[1] ?? "");
  // Options in a `.dvc` file weigh as much as those in the project's config.
  const level = options.fromFile === true ? ("project" as const) : ("override" as const);
  const given = Object.entries(options.fsConfig ?? {}).map(([option, value]) => [option, { value, level }] as const);
  const remote = { ...base, options: new Map([...base.options, ...given]) };
  const url = `${remote.url.replace(/\/+$/, "")}/${match[2] ?? ""}`.replace(/\/+$/, "");
  return openStorageOf(repo, { ...remote, url });
}

/** One file at a place. `rel` is "." when the place is a file. */
export interface UrlFile {
  readonly rel: RelPath;
  readonly info: Info;
}

/** What is at a place: undefined when nothing. Files are sorted by path. */
export async function filesAt(
  place: UrlPlace,
  options: CallOptions,
): Promise<{ readonly isDir: boolean; readonly files: readonly UrlFile[] } | undefined> {
  const info = await place.fs.stat(place.path, options);
  if (info?.type === "file") return { isDir: false, files: [{ rel: ".", info }] };
  const files: UrlFile[] = [];
  for await (const file of place.fs.list(place.path, options)) {
    const rel = relativeTo(place, file.path);
    if (rel === "" || rel.endsWith("/")) continue;
    checkManifestPath(rel, place.fs.url(place.path));
    files.push({ rel, info: file });
  }
  if (info === undefined && files.length === 0) return undefined;
  // Object storages may hold `a` beside `a/b`; no folder can.
  const names = new Set(files.map(({ rel }) => rel));
  const entries = files.map(({ rel }) => ({ relpath: rel }));
  checkFolders(entries, (path) => names.has(path), place.fs.url(place.path));
  return { isDir: true, files: files.sort((a, b) => (a.rel < b.rel ? -1 : 1)) };
}

/** A path of the storage relative to the place. */
export function relativeTo(place: UrlPlace, path: string): RelPath {
  return path.slice(place.path.length).replace(/^\/+/, "");
}

/** What of a place is fetched, and how. */
export interface FetchUrlOptions extends CallOptions {
  readonly jobs?: number;
  /** These versions; default: what is there now. */
  readonly pinned?: readonly UrlFile[] | undefined;
}

/** Copies everything at a place to the new path `to`. @throws {DvcError} DVC's text when nothing is there. */
export async function downloadAll(place: UrlPlace, url: string, to: OsPath, options: FetchUrlOptions): Promise<number> {
  const { isDir, files } = await wantedFiles(place, url, options);
  if (isDir) makeFolders(to);
  await eachFile(place, files, options, async ({ rel }, fetch) => {
    const target = rel === "." ? to : join(to, rel);
    makeFolders(dirname(target));
    await fetch(target);
  });
  return files.length;
}

/**
 * Stores everything at a place in an object database, each file under the hash of what came. When it returns, all of it is safe
 * against power loss.
 * @throws {DvcError} DVC's text when nothing is there. {UsageError} for a `.dvcignore` in a folder, as when one is added
 */
export async function storeAll(
  place: UrlPlace,
  url: string,
  store: ObjectDb,
  options: FetchUrlOptions,
): Promise<Built> {
  const { isDir, files } = await wantedFiles(place, url, options);
  for (const { rel } of files) refuseIgnoreFile(place.fs.url(place.path), rel);
  const entries: SizedEntry[] = [];
  try {
    await eachFile(place, files, options, async ({ rel }, fetch) => {
      const { md5, size } = await storeDownload(store, fetch);
      entries.push({ relpath: rel, md5, size });
    });
  } finally {
    store.flush();
  }
  const [first] = entries;
  return !isDir && first !== undefined ? builtFile(first) : storeFolder(store, entries, url);
}

async function wantedFiles(
  place: UrlPlace,
  url: string,
  { pinned, ...options }: FetchUrlOptions,
): Promise<{ readonly isDir: boolean; readonly files: readonly UrlFile[] }> {
  const found = pinned === undefined ? await filesAt(place, options) : { isDir: pinned[0]?.rel !== ".", files: pinned };
  if (found === undefined) throw urlMissing(url);
  return found;
}

/** Calls `work` for each file, several at once. */
async function eachFile(
  place: UrlPlace,
  files: readonly UrlFile[],
  { jobs, pinned, ...options }: FetchUrlOptions,
  work: (file: UrlFile, fetch: FetchTo) => Promise<void>,
): Promise<void> {
  const progress = new TransferProgress(options.reporter, "Downloading", files.length);
  const onBytes = (count: number): void => {
    progress.add(0, count);
  };
  const one = async (file: UrlFile): Promise<void> => {
    const { path, versionId, size, sizeUnknown } = file.info;
    const version = pinned === undefined || versionId === undefined ? {} : { versionId };
    const known = sizeUnknown === true ? {} : { size };
    await work(file, (to) => place.fs.download(path, to, { ...options, onBytes, ...version, ...known }));
    progress.add(1, 0);
  };
  try {
    await mapBounded(files, jobs ?? place.fs.caps.maxParallel, one, options.signal);
  } finally {
    progress.end();
  }
}

/** DVC's text for a URL with nothing there. */
export function urlMissing(url: string): DvcError {
  return new DvcError(`The path '${url}' does not exist`, { code: "usage" });
}
