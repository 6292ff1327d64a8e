import { cpSync, renameSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { DvcError } from "../base/errors.ts";
import { upload } from "../odb/transfer.ts";
import { ObjectDb } from "../odb/objectDb.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { schemeOf } from "../pipeline/location.ts";
import { saveStage } from "../pipeline/save.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import type { GitContext } from "../repo/gitContext.ts";
import { openRemote } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import { build } from "../data/build.ts";
import { removeTreeQuietly } from "../fs/atomic.ts";
import { cleanStaging, inScratch, makeStaging, stagingPath } from "../data/swap.ts";
import { inHeldFolder, removeTree } from "../fs/heldFolders.ts";
import { viewOf } from "../repo/shown.ts";
import { type AddedStage, addedStage } from "./addedStage.ts";
import type { AddOptions } from "./addOptions.ts";
import { placeBuilt, withBuilt } from "./importPlace.ts";
import { recordOutput, relinkOutput } from "./recordOutput.ts";
import { bringUrl, sendUrl } from "./urlImport.ts";
import { openUrl } from "./urlSource.ts";
import { isThere } from "../fs/isThere.ts";

/** What `add --out` and `add --to-remote` work on. */
export interface AddFromTarget {
  readonly stage: Stage;
  readonly out: Output;
}

/**
 * Tracks a copy of something that lies elsewhere: `--out` brings it into the workspace and the cache, `--to-remote`
 * sends it to the remote and writes only the `.dvc` file.
 */
export async function addFrom(
  repo: Repo,
  target: AddFromTarget,
  source: string,
  context: GitContext,
  options: AddOptions,
): Promise<AddedStage> {
  const save = (out: Output): AddedStage => {
    saveStage({ ...target.stage, outs: [out] }, { ...viewOf(repo, options), keepMd5: true });
    context.track(target.stage.file);
    repo.state.save();
    return addedStage(repo, target.stage, out);
  };
  if (schemeOf(source) !== undefined) return save(await fromUrl(repo, target, source, context, options));
  const from = resolve(repo.env.cwd, source);
  if (!isThere(from)) throw new DvcError(`[Errno 2] No such file or directory: '${from}'`, { code: "not-found" });
  const out =
    options.toRemote === true
      ? await sendToRemote(repo, target.out, from, options)
      : await bringIn(repo, target, from, context, options);
  return save(out);
}

/** The same for what lies on a storage or, as `remote://NAME/path`, beside a remote. */
async function fromUrl(
  repo: Repo,
  { out }: AddFromTarget,
  url: string,
  context: GitContext,
  options: AddOptions,
): Promise<Output> {
  const place = await openUrl(repo.env, url, { repo });
  const jobs = options.remoteJobs === undefined ? {} : { jobs: options.remoteJobs };
  try {
    if (options.toRemote === true)
      return withBuilt(out, await sendUrl(repo, url, place, { ...options, ...jobs, for: "add" }));
    if (isThere(out.path) && options.force !== true) throw outExists(relative(repo.env.cwd, out.path));
    const built = await bringUrl(repo, url, place, repo.cache, options);
    context.ignore(out.path);
    await placeBuilt(repo, out, built, options);
    return withBuilt(out, built);
  } finally {
    await place.fs.close();
  }
}

async function bringIn(
  repo: Repo,
  { stage, out }: AddFromTarget,
  from: string,
  context: GitContext,
  options: AddOptions,
): Promise<Output> {
  const isLeft = isThere(out.path) && options.force !== true;
  if (isLeft && !(await isCopyOf(repo, from, out.path, options))) throw outExists(relative(repo.env.cwd, out.path));
  if (!isLeft) await replace(repo, out, from, options);
  const recorded = await recordOutput(repo, { ...out, hash: undefined, meta: {} }, { ...options, stage, store: true });
  context.ignore(out.path);
  await relinkOutput(repo, recorded.out, recorded.built, undefined, options);
  return recorded.out;
}

/** Copies `from` aside and gives it its place by one rename. What lay there is in the cache first. */
async function replace(repo: Repo, out: Output, from: string, options: AddOptions): Promise<void> {
  const kept = await keepOld(repo, out, options);
  cleanStaging(out.path, repo.tmpDir, new Set());
  const staging = makeStaging(out.path, repo.tmpDir);
  try {
    const copy = join(staging, "copy");
    cpSync(from, copy, { recursive: true, dereference: true });
    if (kept) removeTree(repo.root, out.path, stagingPath(repo.tmpDir));
    inHeldFolder(repo.root, out.path, (at) => {
      renameSync(copy, at);
    });
  } finally {
    removeTreeQuietly(staging);
  }
}

/** DVC's refusal to replace what lies where `--out` points. `shown` is the path as the user gave it. */
export function outExists(shown: string): DvcError {
  return new DvcError(`The file '${shown}' already exists locally. \nTo override it, re-run with '--force'.`, {
    code: "exists",
  });
}

/** Whether a run that was killed before it wrote the `.dvc` file has left its copy of `from` at `out`. */
async function isCopyOf(repo: Repo, from: string, out: string, options: AddOptions): Promise<boolean> {
  if (statSync(from).isDirectory() !== statSync(out).isDirectory()) return false;
  const [source, copy] = [
    await build(from, { ...options, state: repo.state }),
    await build(out, { ...options, state: repo.state, ignore: repo.ignore }),
  ];
  return source.hash.value === copy.hash.value;
}

/** With `--force` something is replaced: its bytes go into the cache first, so that nothing is lost. */
async function keepOld(repo: Repo, out: Output, options: AddOptions): Promise<boolean> {
  if (!isThere(out.path)) return false;
  await build(out.path, { ...options, state: repo.state, ignore: repo.ignore, store: repo.cache });
  return true;
}

/** Through a scratch cache beside the project's own, removed afterwards: the project's cache stays as it is. */
async function sendToRemote(repo: Repo, out: Output, from: string, options: AddOptions): Promise<Output> {
  const jobs = options.remoteJobs;
  const remote = await openRemote(repo, options.remote, { ...(jobs === undefined ? {} : { jobs }), for: "add" });
  try {
    return await inScratch(repo.tmpDir, async (scratch) => {
      const store = new ObjectDb(scratch, { layout: "3.x" });
      const built = await build(from, { ...options, state: repo.state, store });
      const oid = built.hash.value;
      const want = isDirHash(oid)
        ? { files: new Set<string>(), dirs: new Set([oid]) }
        : { files: new Set([oid]), dirs: new Set<string>() };
      const sent = await upload(store, remote, want, options);
      const [failure] = sent.failed;
      if (failure !== undefined) {
        throw new DvcError(`failed to send '${basename(from)}' to '${remote.url}'`, {
          code: "storage",
          cause: failure.error,
        });
      }
      return { ...out, hash: built.hash, meta: built.meta };
    });
  } finally {
    await remote.fs.close();
  }
}
