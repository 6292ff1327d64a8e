import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import type { CallOptions } from "../base/events.ts";
import { warn } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { recordParams } from "../pipeline/params.ts";
import type { FileDependency } from "../pipeline/changed.ts";
import { isRunCacheable, saveRun } from "../pipeline/stageCache.ts";
import type { Dependency, Output, Stage } from "../pipeline/stage.ts";
import { datasetRecorder } from "../repo/datasets.ts";
import { type GitContext, refuseGitTracked } from "../repo/gitContext.ts";
import { runsFolder } from "../repo/objects.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import type { Repo } from "../repo/repo.ts";
import { shownLocal, shownPath, viewOf } from "../repo/shown.ts";
import { hashPath, recordOutput, relinkOutput } from "./recordOutput.ts";
import { noteMade } from "./runRemove.ts";
import { lookAtStorage } from "./storageDependency.ts";

/** How the state after a run is recorded. */
export interface RunRecordOptions extends CallOptions {
  /** Only hash: nothing goes into the cache, nor into the run cache. */
  readonly noCommit?: boolean;
  /** What is not there stays as it was recorded. */
  readonly allowMissing?: boolean;
}

/**
 * The stage with the hashes of all that is in the workspace now. Its outputs go into the cache and become links to it, the
 * run goes into the run cache, and Git is told to ignore the outputs.
 * @throws {DvcError} in DVC's words when a dependency, a parameter or an output is missing.
 */
export async function recordRun(
  repo: Repo,
  stage: Stage,
  context: GitContext,
  options: RunRecordOptions,
): Promise<Stage> {
  const deps = await recordDependencies(repo, stage, options);
  for (const out of stage.outs) prepareOutput(repo, stage, out, options);
  ignoreOutputs(repo, stage, context);
  const keepsRun =
    options.noCommit !== true &&
    stage.outs.every((out) => out.useCache || isReport(out)) &&
    isRunCacheable({ ...stage, deps });
  const outs: Output[] = [];
  for (const out of stage.outs) outs.push(await recordOne(repo, stage, out, keepsRun, options));
  const done: Stage = { ...stage, deps, outs, lockedCmd: stage.cmd, isLocked: true };
  if (keepsRun) saveRun(runsFolder(repo.cacheDir), done);
  return done;
}

function isReport(out: Output): boolean {
  return isSet(out.metric) || isSet(out.plot);
}

function isSet(flag: unknown): boolean {
  return flag !== undefined && flag !== null && flag !== false;
}

/** The dependencies with the hashes and values that they have now. @throws {DvcError} for missing ones. */
export async function recordDependencies(
  repo: Repo,
  stage: Stage,
  options: CallOptions & { readonly allowMissing?: boolean },
): Promise<Dependency[]> {
  const deps: Dependency[] = [];
  const recordDataset = datasetRecorder(repo);
  for (const dep of stage.deps) {
    if (dep.kind === "params") {
      const isLeft = options.allowMissing === true && !repo.workspace.exists(dep.path);
      deps.push(isLeft ? dep : recordParams(dep, repo.workspace, viewOf(repo, {})));
    } else if (dep.kind === "file") deps.push(await recordFile(repo, dep, options));
    else deps.push(dep.kind === "dataset" ? recordDataset(dep) : dep);
  }
  return deps;
}

async function recordFile(
  repo: Repo,
  dep: FileDependency,
  options: CallOptions & { readonly allowMissing?: boolean },
): Promise<Dependency> {
  const found = dep.isLocal ? repo.workspace.exists(dep.path) : await lookAtStorage(repo, dep, options);
  if (found === false || found === undefined) {
    if (options.allowMissing === true) return dep;
    throw missingDependency(repo, dep);
  }
  if (found !== true) return found;
  const hashName = await currentHashName(repo, dep, options);
  const built = await hashPath(repo, dep.path, hashName, options);
  return { ...dep, hash: built.hash, hashName, meta: built.meta, extra: {} };
}

/** DVC's error for a dependency that is not there. */
export function missingDependency(repo: Repo, dep: Dependency): DvcError {
  return new DvcError(`dependency '${shownPath(repo, dep)}' does not exist`, { code: "not-found" });
}

/** A record of DVC 2.x keeps its hash as long as the content is the same. */
async function currentHashName(repo: Repo, dep: FileDependency, options: CallOptions): Promise<"md5" | "md5-dos2unix"> {
  if (dep.hash?.name !== "md5-dos2unix") return "md5";
  const { hash } = await hashPath(repo, dep.path, "md5-dos2unix", options);
  return hash.value === dep.hash.value ? "md5-dos2unix" : "md5";
}

function isThere(repo: Repo, out: Output): boolean {
  return repo.workspace.exists(out.path) && !(out.isInRepo && repo.ignore.path(out.path));
}

function prepareOutput(repo: Repo, stage: Stage, out: Output, options: RunRecordOptions): void {
  const shown = shownPath(repo, out);
  if (!out.isLocal) {
    throw new DvcError(`output '${shown}' is on a storage: a stage's outputs have to be local files`, {
      code: "unsupported",
    });
  }
  if (out.useCache || out.isInRepo) checkOutputPath(repo, stage, out);
  if (!isThere(repo, out)) {
    if (options.allowMissing === true) return;
    throw new DvcError(`output '${shown}' does not exist`, { code: "not-found" });
  }
  const stat = statSync(out.path);
  if (!stat.isFile() && !stat.isDirectory()) throw new DvcError(`output '${shown}' is not a file or directory`);
  if (stat.isFile() ? stat.size === 0 : readdirSync(out.path).length === 0) warn(options, `'${shown}' is empty.`);
  if (isSet(out.metric) && stat.isFile() && isBinary(out.path)) {
    throw new DvcError(`binary file '${out.path}' cannot be used as metrics.`);
  }
}

/** Whether the beginning of a file looks like data: a NUL, or more than 30 % of bytes that no text has. */
function isBinary(path: string): boolean {
  const block = Buffer.alloc(512);
  const fd = openSync(path, "r");
  let length: number;
  try {
    length = readSync(fd, block, 0, block.length, 0);
  } finally {
    closeSync(fd);
  }
  let odd = 0;
  for (const byte of block.subarray(0, length)) {
    if (byte === 0) return true;
    const isText = (byte >= 32 && byte <= 126) || (byte >= 8 && byte <= 10) || byte === 12 || byte === 13;
    if (!isText) odd++;
  }
  return odd / Math.max(1, length) > 0.3;
}

function ignoreOutputs(repo: Repo, stage: Stage, context: GitContext): void {
  const cached = stage.outs.filter((out) => out.useCache && out.isInRepo && isThere(repo, out));
  const paths = cached.map((out) => out.path);
  refuseGitTracked(repo, paths, (path) => shownLocal(repo, path), context.tracked(paths));
  for (const out of cached) context.ignore(out.path);
}

async function recordOne(
  repo: Repo,
  stage: Stage,
  out: Output,
  keepsRun: boolean,
  options: RunRecordOptions,
): Promise<Output> {
  if (!isThere(repo, out)) return out;
  const store = options.noCommit !== true && (out.useCache || (keepsRun && isReport(out)));
  const recorded = await recordOutput(repo, out, { ...options, stage, store });
  if (options.noCommit !== true && out.useCache) {
    await relinkOutput(repo, recorded.out, recorded.built, undefined, options);
  }
  noteMade(repo, recorded.out);
  return recorded.out;
}
