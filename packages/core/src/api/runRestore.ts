import type { CallOptions } from "../base/events.ts";
import { info } from "../base/events.ts";
import { CheckoutError, DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { planCheckout } from "../data/checkout.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { isCallback, isCommandChanged } from "../pipeline/changed.ts";
import { locate } from "../pipeline/location.ts";
import type { Entry } from "../pipeline/record.ts";
import { readRecorded } from "../pipeline/record.ts";
import { findRun } from "../pipeline/stageCache.ts";
import { recordParams } from "../pipeline/params.ts";
import type { FileSource } from "../pipeline/source.ts";
import type { Dependency, Output, Stage } from "../pipeline/stage.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { runsFolder } from "../repo/objects.ts";
import { applyNoted } from "../repo/noteData.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import { isInCache } from "../repo/presentState.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownPath, viewOf } from "../repo/shown.ts";
import { findChanges } from "./runChanges.ts";
import { datasetRecorder } from "../repo/datasets.ts";
import { missingDependency, recordDependencies } from "./runRecord.ts";
import { lookAtStorage } from "./storageDependency.ts";
import { fetchOutputs } from "./fetch.ts";

/** How a past run is looked for. */
export interface RestoreOptions extends CallOptions {
  /** Look at the lock only, not into the run cache. */
  readonly noRunCache?: boolean;
  /** Fetch what the cache lacks. */
  readonly pull?: boolean;
  /** Only say what would be restored. */
  readonly dry?: boolean;
}

/**
 * Puts the outputs of a past run with the same command, dependencies and parameters into the workspace: the run in
 * dvc.lock when nothing but the outputs changed, else the newest of the run cache. False when there is none, or when the
 * cache lacks some of its objects.
 * @throws {DvcError} when a dependency or a parameter is missing.
 */
export async function restoreRun(repo: Repo, stage: Stage, options: RestoreOptions): Promise<boolean> {
  // Not before a real run: that was done before the outputs went.
  if (options.dry === true && isLookedFor(stage))
    await refuseMissing(repo, { ...stage, deps: depsLookedAt(stage) }, options);
  if (!mayBeKept(stage)) return false;
  const entry = await pastRun(repo, stage, options);
  const outs = entry === undefined ? undefined : await outputsOf(repo, stage, entry, options);
  if (outs === undefined) return false;
  info(options, `Stage '${addressOf(repo, stage)}' is cached - skipping run, checking out outputs`);
  if (options.dry !== true) await checkoutOutputs(repo, stage, outs, options);
  return true;
}

/**
 * The outputs of the past run that `restoreRun` would restore; changes nothing. `instead` stands for the files at its paths.
 * @throws {DvcError} when a dependency or a parameter is missing.
 */
export async function findRestorable(
  repo: Repo,
  stage: Stage,
  options: CallOptions & Pick<RestoreOptions, "noRunCache">,
  instead: ReadonlyMap<OsPath, Output>,
): Promise<readonly Output[] | undefined> {
  if (!mayBeKept(stage)) return undefined;
  const entry = await pastRun(repo, stage, options, instead);
  return entry === undefined ? undefined : outputsOf(repo, stage, entry, options);
}

/** Whether a past run of the stage may be restored at all. */
function mayBeKept(stage: Stage): boolean {
  return (
    isLookedFor(stage) &&
    stage.deps.every(isLocalDependency) &&
    stage.outs.every((out) => out.isLocal && out.isInRepo && !out.persist)
  );
}

/** Whether the dependencies are looked at to find a past run, before anything is known of the outputs. */
function isLookedFor(stage: Stage): boolean {
  return !isCallback(stage) && !stage.alwaysChanged && stage.deps.length > 0 && stage.outs.length > 0;
}

/** The looking ends at the first dependency that is no file of this machine. */
function depsLookedAt({ deps }: Stage): readonly Dependency[] {
  const end = deps.findIndex((dep) => !isLocalDependency(dep));
  return end < 0 ? deps : deps.slice(0, end);
}

function isLocalDependency(dep: Dependency): boolean {
  return dep.kind === "params" || (dep.kind === "file" && dep.isLocal);
}

/**
 * Refuses to run a stage whose dependencies are not all there.
 * @throws {DvcError} DVC's text, which is another one for stages of which a past run is looked for.
 */
export async function refuseMissing(repo: Repo, stage: Stage, options: CallOptions): Promise<void> {
  const recordDataset = datasetRecorder(repo);
  let isLooking = isLookedFor(stage);
  for (const dep of stage.deps) {
    isLooking &&= isLocalDependency(dep);
    if (dep.kind === "dataset") recordDataset(dep);
    else if (dep.kind === "params") refuseMissingParams(repo, dep, isLooking);
    else if (dep.kind === "file" && dep.isLocal && !repo.workspace.exists(dep.path)) {
      if (!isLooking) throw missingDependency(repo, dep);
      throw new DvcError(`[Errno 2] No such file or directory: '${dep.path}'`, { code: "not-found" });
    } else if (dep.kind === "file" && !dep.isLocal && (await lookAtStorage(repo, dep, options)) === undefined)
      throw missingDependency(repo, dep);
  }
}

function refuseMissingParams(repo: Repo, dep: Extract<Dependency, { kind: "params" }>, isLooking: boolean): void {
  const isThere = repo.workspace.exists(dep.path);
  if (!isThere && !isLooking) throw missingDependency(repo, dep);
  recordParams(dep, isThere ? repo.workspace : emptyParams(dep, repo.workspace), viewOf(repo, {}));
}

/** A params file that is not there counts as empty: the message then names the keys that are missing. */
function emptyParams(dep: { readonly path: string }, source: FileSource): FileSource {
  const is = (path: string): boolean => path === dep.path;
  return {
    readText: (path) => (is(path) ? "{}" : source.readText(path)),
    exists: (path) => is(path) || source.exists(path),
    isFile: (path) => is(path) || source.isFile(path),
  };
}

/** The outputs of the run in dvc.lock, or of one in the run cache, as the entry of a stage in dvc.lock. */
async function pastRun(
  repo: Repo,
  stage: Stage,
  options: RestoreOptions,
  instead: ReadonlyMap<OsPath, Output> = new Map(),
): Promise<readonly Entry[] | readonly Output[] | undefined> {
  const { changes } = await findChanges(repo, { ...stage, outs: [] }, options, instead);
  const isLocked = !isCommandChanged(stage) && Object.keys(changes.deps).length === 0;
  if (isLocked && stage.outs.every((out) => out.hash !== undefined)) return stage.outs;
  if (options.noRunCache === true) return undefined;
  // A dry run looks at what is recorded, as DVC does.
  const found = findRun(
    runsFolder(repo.cacheDir),
    options.dry === true ? stage : await asNow(repo, stage, options, instead),
  );
  return found === undefined ? undefined : (found["outs"] as readonly Entry[] | undefined);
}

/** The stage with its dependencies as they are. */
async function asNow(
  repo: Repo,
  stage: Stage,
  options: CallOptions,
  instead: ReadonlyMap<OsPath, Output>,
): Promise<Stage> {
  const kept = stage.deps.filter((dep) => dep.kind !== "file" || !instead.has(dep.path));
  const recorded = await recordDependencies(repo, { ...stage, deps: kept }, options);
  const byPath = new Map(kept.map((dep, index) => [dep, recorded[index] ?? dep]));
  const deps = stage.deps.map((dep): Dependency => {
    const other = dep.kind === "file" ? instead.get(dep.path) : undefined;
    if (dep.kind !== "file" || other === undefined) return byPath.get(dep) ?? dep;
    return { ...dep, hash: other.hash, hashName: other.hashName, meta: other.meta, extra: {} };
  });
  return { ...stage, deps };
}

/**
 * The stage's outputs as the run left them; undefined when the run is one of other outputs (its file may come from
 * anywhere), or when objects are missing.
 */
async function outputsOf(
  repo: Repo,
  stage: Stage,
  run: readonly Entry[] | readonly Output[],
  options: RestoreOptions,
): Promise<Output[] | undefined> {
  const outs: Output[] = [];
  for (const entry of run) {
    const own = stage.outs.find((out) => out.defPath === ("defPath" in entry ? entry["defPath"] : entry["path"]));
    if (own === undefined) return undefined;
    const recorded =
      "defPath" in entry ? {} : readRecorded(entry, locate(own.defPath, stage.wdir, repo.loadContext), stage.file);
    outs.push({ ...own, ...recorded, useCache: true });
  }
  if (outs.length !== stage.outs.length) return undefined;
  if (options.pull === true && options.dry !== true) await fetchOutputs(repo, { ...stage, outs }, options);
  return outs.every((out) => out.hash !== undefined && isInCache(repo, out.hash)) ? outs : undefined;
}

/** Puts outputs as they are recorded into the workspace. @throws {CheckoutError} when the cache lacks some. */
export async function checkoutOutputs(
  repo: Repo,
  stage: Stage,
  outs: readonly Output[],
  options: CallOptions,
): Promise<void> {
  for (const out of outs) {
    checkOutputPath(repo, stage, out);
    if (out.hash === undefined) continue;
    const cache = cacheFor(repo, out.hash);
    const tree = isDirHash(out.hash.value) ? cache.readTree(out.hash.value) : undefined;
    const wanted = {
      path: out.path,
      hash: out.hash,
      meta: out.meta,
      ...(tree === undefined ? {} : { tree }),
      key: out,
    };
    const plan = planCheckout([wanted], {
      ...options,
      root: repo.root,
      cache,
      state: repo.state,
      ignore: repo.ignore,
    });
    if (plan.unsaved.length > 0) {
      throw new DvcError(
        `Can't remove the following unsaved files without confirmation. Use \`--force\` to force.\n${plan.unsaved.join("\n")}`,
        { code: "unsaved-files" },
      );
    }
    await applyNoted(repo, [plan], options);
    if (plan.missing.length > 0) throw new CheckoutError([shownPath(repo, out)], undefined);
  }
}
