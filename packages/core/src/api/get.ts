import { basename, join, resolve } from "node:path";
import { DvcError } from "../base/errors.ts";
import { type OsPath, placeInRepo, posixRelative } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import type { StageOutput } from "../repo/dataRoots.ts";
import { bringImport, type ExternalOptions, openExternal } from "../repo/externalRepo.ts";
import { placeFiles, sourceFiles } from "../repo/externalFiles.ts";
import { openRemote } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import type { ViewEntry } from "../repo/repoView.ts";
import { isVersioned, openVersioned } from "../repo/versionedRemote.ts";
import { versionedFiles } from "../repo/versionRecords.ts";
import { resolveOutput } from "./importPlace.ts";
import { aside, placeGot } from "./placeGot.ts";

/** How to get. `cacheDir` is chosen here. */
export interface GetOptions extends Omit<ExternalOptions, "cacheDir"> {
  /** Path here; into it when it is a folder. Default: the name that it has there. */
  readonly out?: string;
  readonly force?: boolean;
  readonly jobs?: number;
}

/** `path` as given or chosen, relative to the working folder. */
export interface GetResult {
  readonly path: string;
  readonly nfiles: number;
}

/**
 * Copies a file or folder out of a repository (tracked data or Git's files), without tracking it. Needs no project here.
 * Built aside and moved into place when it is complete; the source is only read.
 * @throws {CloneError}, {DvcError} with DVC's texts; `not-found` when it is not there.
 * @example await get(env, "https://example.com/registry.git", "data/digits", { rev: "v1" })
 */
export async function get(env: Environment, url: string, path: string, options: GetOptions = {}): Promise<GetResult> {
  const out = resolveOutput(env.cwd, path, options.out, options.force === true);
  const name = basename(out);
  if (name === "dvc.yaml" || name.endsWith(".dvc"))
    throw new DvcError("the given path is a DVC file, you must specify a data file or a directory");
  const target = resolve(env.cwd, out);
  return aside(target, async (folder) => {
    const nfiles = await getInto(env, url, path, folder, options);
    await placeGot(env, "get", join(folder, "data"), target);
    return { path: out, nfiles };
  });
}

async function getInto(
  env: Environment,
  url: string,
  path: string,
  folder: OsPath,
  options: GetOptions,
): Promise<number> {
  const external = await openExternal(env, url, { ...options, cacheDir: join(folder, "cache") });
  try {
    const source = await sourceFiles(external, path);
    await placeFiles(external, source, join(folder, "data"), { ...options, bring: bringImport });
    return source.files.length;
  } finally {
    external.close();
  }
}

/**
 * Where the data at `path` is on the remote of its repository.
 * @throws {DvcError} with DVC's text when it is not tracked there.
 */
export async function getUrl(
  env: Environment,
  url: string,
  path: string,
  options: GetOptions = {},
): Promise<{ readonly url: string }> {
  const external = await openExternal(env, url, options);
  try {
    const at = placeInRepo(external.root, path);
    const holder = await external.view.outputAt(at);
    const entry = holder === undefined ? undefined : await external.view.info(at);
    const place = holder === undefined || entry?.isOut !== true ? undefined : await placeOf(holder, entry);
    if (place === undefined)
      throw new DvcError(`Unable to find DVC file with output '${path}'`, { code: "usage", cause: `('${path}',)` });
    return { url: place };
  } finally {
    external.close();
  }
}

async function placeOf({ repo, one }: { repo: Repo; one: StageOutput }, entry: ViewEntry): Promise<string | undefined> {
  if (isVersioned(repo, one.out.remote)) return versionedPlace(repo, one, entry);
  if (entry.hash === undefined) return undefined;
  try {
    const remote = await openRemote(repo, one.out.remote, { legacy: one.out.hash?.name === "md5-dos2unix" });
    const place = remote.fs.url(remote.pathOf(entry.hash));
    await remote.fs.close();
    return place;
  } catch (error) {
    // Without any remote the cache of a local repository stands for it.
    if (!(error instanceof DvcError) || error.code !== "no-remote") throw error;
    return repo.cache.pathOf(entry.hash);
  }
}

/** The version of a file that is recorded; a folder has none. */
async function versionedPlace(repo: Repo, { out }: StageOutput, entry: ViewEntry): Promise<string | undefined> {
  const remote = await openVersioned(repo, out.remote, {});
  try {
    const rel = posixRelative(out.path, entry.path);
    const path = remote.pathOf(out, rel);
    if (entry.isDir) return remote.fs.url(path);
    const version = versionedFiles(repo, out, remote.name)?.find((file) => file.rel === rel)?.version;
    return version === undefined ? undefined : remote.fs.url(path, version.versionId);
  } finally {
    await remote.fs.close();
  }
}
