import { join } from "node:path";
import { type CallOptions, info, warn } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { mapBounded } from "../base/pool.ts";
import { type Built, build } from "../data/build.ts";
import type { Info } from "../fs/filesystem.ts";
import { inScratch } from "../data/swap.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { isOfNothing } from "../odb/meta.ts";
import { ObjectDb } from "../odb/objectDb.ts";
import { upload } from "../odb/transfer.ts";
import type { FileDependency } from "../pipeline/changed.ts";
import { storageHashName } from "../pipeline/location.ts";
import { storageFolderHash } from "../pipeline/record.ts";
import type { Dependency, Output, Stage } from "../pipeline/stage.ts";
import type { GitContext } from "../repo/gitContext.ts";
import { loadIndex } from "../repo/index.ts";
import { openRemote } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import { shownPath } from "../repo/shown.ts";
import { requireTrustInFiles } from "../repo/trust.ts";
import { placeBuilt, removePresent, withBuilt } from "./importPlace.ts";
import { type FetchUrlOptions, filesAt, type FsConfig, openUrl, storeAll, type UrlPlace } from "./urlSource.ts";
import { asksForVersions, keepsVersions, pinnedFiles } from "./urlVersions.ts";

/** What to do with what is found. */
export interface UrlImportSteps extends CallOptions {
  readonly noDownload?: boolean;
  /** Send it straight to a remote: neither cache nor workspace get it. */
  readonly toRemote?: boolean;
  readonly remote?: string;
  readonly jobs?: number;
}

/**
 * Locks what a URL import finds now and, unless told otherwise, brings it into cache and workspace.
 * @throws {DvcError} DVC's text when the source is not there.
 */
export async function runUrlImport(
  repo: Repo,
  stage: Stage,
  dep: FileDependency,
  context: GitContext,
  options: UrlImportSteps,
): Promise<Stage> {
  const [out] = stage.outs;
  if (out === undefined) return stage;
  if (options.toRemote !== true) info(options, `Importing '${shownPath(repo, dep)}' -> '${shownPath(repo, out)}'`);
  const place = await openDependency(repo, dep);
  try {
    const found = await lockDependency(repo, dep, place, options);
    warnOfNothing(repo, found, options);
    // DVC looks at the source again, but when it sends it on at once.
    if (options.toRemote !== true) warnOfNothing(repo, found, options);
    const next = await takeData(repo, found, out, place, options);
    if (options.toRemote !== true && next.hash !== undefined) warnOfNothing(repo, next, options);
    context.ignore(out.path);
    return { ...stage, deps: [found], outs: [next] };
  } finally {
    await place.fs.close();
  }
}

function warnOfNothing(repo: Repo, one: FileDependency | Output, options: CallOptions): void {
  if (isOfNothing(one.meta)) warn(options, `'${shownPath(repo, one)}' is empty.`);
}

async function takeData(
  repo: Repo,
  dep: FileDependency,
  out: Output,
  place: UrlPlace,
  options: UrlImportSteps,
): Promise<Output> {
  if (options.noDownload === true) {
    await removePresent(repo, out, options);
    return { ...out, hash: undefined, meta: {} };
  }
  if (options.toRemote === true)
    return withBuilt(out, await sendUrl(repo, dep.defPath, place, { ...options, for: "import-url" }));
  // A version by its id may need a right of its own on S3, which reading the file does not.
  const isPinned = place.fs.protocol !== "s3" || asksForVersions(repo, dep) === true;
  const pinned = isPinned ? pinnedFiles(dep, place) : undefined;
  const built = await bringUrl(repo, dep.defPath, place, repo.cache, { ...options, pinned });
  await placeBuilt(repo, out, built, options);
  return withBuilt(out, built);
}

/** Opens the place that a dependency names. @throws {ConfigError} code `untrusted` for what a stranger's `fs_config` names */
export async function openDependency(repo: Repo, dep: FileDependency): Promise<UrlPlace> {
  const config = dep.extra["fs_config"];
  const fsConfig = typeof config === "object" && config !== null ? textsOf(config) : {};
  const isPlain = Object.keys(fsConfig).length === 0;
  const fromFile = isPlain || (await requireTrustInFiles(repo, filesWith(repo, dep), fsConfig));
  return openUrl(repo.env, dep.isLocal ? dep.path : dep.defPath, { repo, fsConfig, fromFile });
}

/** The files whose stages have that dependency: none yet of what was just typed. */
function filesWith(repo: Repo, { defPath }: FileDependency): OsPath[] {
  const isIt = (dep: Dependency): boolean => dep.kind === "file" && dep.defPath === defPath;
  return loadIndex(repo).stages.flatMap(({ file, deps }) => (deps.some(isIt) ? [file] : []));
}

function textsOf(record: object): FsConfig {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, String(value)]));
}

/** The dependency with hash and size as its source is now. */
export async function lockDependency(
  repo: Repo,
  dep: FileDependency,
  place: UrlPlace,
  options: CallOptions,
): Promise<FileDependency> {
  const missing = new MissingSourceError(`dependency '${shownPath(repo, dep)}' does not exist`, { code: "usage" });
  if (place.localPath !== undefined) {
    if ((await place.fs.stat(place.path, options)) === undefined) throw missing;
    const built = await build(place.localPath, { ...options, state: repo.state });
    return { ...dep, hash: built.hash, hashName: "md5", meta: built.meta };
  }
  const found = await filesAt(place, options);
  if (found === undefined) throw missing;
  const [first] = found.files;
  const { fs } = place;
  const hashName = storageHashName(`${fs.protocol}://`);
  const checksumOf = async (info: Info): Promise<string | undefined> =>
    fs.checksum === undefined ? info.etag : fs.checksum(info, options);
  if (!found.isDir) {
    const own = first === undefined ? undefined : await checksumOf(first.info);
    const hash = own === undefined ? undefined : ({ name: hashName, value: own } as const);
    const versionId = keepsVersions(repo, dep, fs.protocol) ? first?.info.versionId : undefined;
    const size = first?.info.sizeUnknown === true ? {} : { size: first?.info.size ?? 0 };
    const meta = { ...size, ...(versionId === undefined ? {} : { versionId }) };
    return { ...dep, hash, hashName, meta };
  }
  const isVersioned = asksForVersions(repo, dep) === true && fs.protocol !== "gs";
  const list = await mapBounded(
    found.files,
    fs.caps.maxParallel,
    async ({ rel, info: listed }): Promise<Readonly<Record<string, unknown>>> => {
      // A listing tells no versions.
      const info = isVersioned ? ((await fs.stat(listed.path, options)) ?? listed) : listed;
      const version = isVersioned ? { size: info.size, version_id: info.versionId } : {};
      return { relpath: rel, [hashName]: (await checksumOf(info)) ?? "", ...version };
    },
    options.signal,
  );
  const hash = storageFolderHash(list, hashName);
  const size = found.files.reduce((sum, { info: file }) => sum + file.size, 0);
  const extra = isVersioned ? { ...dep.extra, files: list } : dep.extra;
  return { ...dep, hash, hashName, meta: { size, nfiles: found.files.length }, extra };
}

/** What is at the source of a dependency on a storage now; undefined when nothing. */
export async function lookAtSource(
  repo: Repo,
  dep: FileDependency,
  options: CallOptions,
): Promise<FileDependency | undefined> {
  const place = await openDependency(repo, dep);
  try {
    return await lockDependency(repo, dep, place, options);
  } catch (error) {
    if (error instanceof MissingSourceError) return undefined;
    throw error;
  } finally {
    await place.fs.close();
  }
}

/** DVC's text for a source that is gone. */
class MissingSourceError extends DvcError {}

/** Brings the data at a place into an object database; `url` is how it was named. */
export async function bringUrl(
  repo: Repo,
  url: string,
  place: UrlPlace,
  store: ObjectDb,
  options: FetchUrlOptions,
): Promise<Built> {
  const { state } = repo;
  if (place.localPath !== undefined) return build(place.localPath, { ...options, state, store });
  return storeAll(place, url, store, options);
}

/** Sends the data at a place straight to a remote: the cache does not get it. `for`: the command, for messages. */
export async function sendUrl(
  repo: Repo,
  url: string,
  place: UrlPlace,
  options: UrlImportSteps & { readonly for: string },
): Promise<Built> {
  const { jobs } = options;
  const remote = await openRemote(repo, options.remote, {
    ...(jobs === undefined ? {} : { jobs }),
    for: options.for,
  });
  try {
    return await inScratch(repo.tmpDir, async (folder) => {
      const store = new ObjectDb(join(folder, "objects"), { layout: "3.x" });
      const built = await bringUrl(repo, url, place, store, options);
      const oids = new Set([built.hash.value]);
      const isDir = isDirHash(built.hash.value);
      const want = { files: isDir ? new Set<string>() : oids, dirs: isDir ? oids : new Set<string>() };
      const [failure] = (await upload(store, remote, want, options)).failed;
      if (failure === undefined) return built;
      throw new DvcError(`failed to transfer '${failure.oid}'`, { code: "storage", cause: failure.error });
    });
  } finally {
    await remote.fs.close();
  }
}
