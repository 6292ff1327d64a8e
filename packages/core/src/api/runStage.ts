import { statSync } from "node:fs";
import { systemClock } from "../base/clock.ts";
import type { CallOptions, StageState } from "../base/events.ts";
import { info } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { runStage as runCommands } from "../pipeline/run.ts";
import { isImport, type Stage } from "../pipeline/stage.ts";
import type { GitContext } from "../repo/gitContext.ts";
import { withoutRepoLock } from "../repo/locks.ts";
import { type LockedPaths, withPathLocks } from "../repo/pathLocks.ts";
import type { Repo } from "../repo/repo.ts";
import { shownPath, shownStage, viewOf } from "../repo/shown.ts";
import { runImport } from "./runImport.ts";
import { fetchMissing } from "./runPull.ts";
import { removeOutputs } from "./runRemove.ts";
import { recordRun } from "./runRecord.ts";
import { refuseMissing, restoreRun } from "./runRestore.ts";

/** How one stage is run. */
export interface RunStageOptions extends CallOptions {
  /** Print what would run; change nothing. */
  readonly dry?: boolean;
  /** Run the command even when a past run could be restored. */
  readonly force?: boolean;
  readonly noRunCache?: boolean;
  readonly noCommit?: boolean;
  readonly allowMissing?: boolean;
  /** Fetch missing dependencies and past outputs first. */
  readonly pull?: boolean;
  /** Standard output of the commands goes to standard error. */
  readonly stdoutToStderr?: boolean;
  /** Set when stages run side by side. */
  readonly beside?: BesideOthers;
}

/** What a stage that runs beside others has to mind. */
export interface BesideOthers {
  /** Runs `work` while others have their turn at the repository. */
  pause<T>(work: () => Promise<T>): Promise<T>;
  readonly onLine: (stream: "stdout" | "stderr", line: string) => void;
  onState(state: StageState): void;
}

/**
 * Brings the outputs of one stage up to date, whatever changed: restores a past run, or removes the outputs and runs the
 * command (the repository's lock is free meanwhile); then records everything. A data source is only recorded. Returns the
 * stage to be saved; with `dry` the stage as given. For a caller that holds the repository's lock.
 * @throws {StageRunError} when the command fails; {DvcError} in DVC's words when something is missing.
 */
export async function runStage(
  repo: Repo,
  stage: Stage,
  context: GitContext,
  options: RunStageOptions,
): Promise<Stage> {
  const isPartial = stage.outs[0]?.hash === undefined;
  if (isImport(stage) && (!stage.frozen || isPartial)) return runImport(repo, stage, context, options);
  if (options.dry === true) {
    await produce(repo, stage, options);
    return stage;
  }
  return withPathLocks(repo, pathsOf(stage), options, async () => {
    await produce(repo, stage, options);
    return recordRun(repo, stage, context, options);
  });
}

/** What a stage reads and writes on this machine. */
export function pathsOf(stage: Stage): LockedPaths {
  const read = stage.deps.flatMap((dep): OsPath[] => (dep.kind === "file" || dep.kind === "params" ? [dep.path] : []));
  return { read, write: stage.outs.map((out) => out.path) };
}

async function produce(repo: Repo, stage: Stage, options: RunStageOptions): Promise<void> {
  if (stage.cmd !== undefined && !stage.frozen) await restoreOrRun(repo, stage, options);
  else if (options.dry !== true) {
    info(options, `Verifying ${stage.frozen ? "outputs in frozen " : "data sources in "}${shownStage(repo, stage)}`);
    refuseMissingOutputs(repo, stage);
  }
}

function refuseMissingOutputs(repo: Repo, stage: Stage): void {
  const missing = stage.outs.filter((out) => !repo.workspace.exists(out.path) || repo.ignore.path(out.path));
  if (missing.length === 0) return;
  const paths = missing.map((out) => shownPath(repo, out)).join(", ");
  throw new DvcError(`missing data 'source${missing.length > 1 ? "s" : ""}': ${paths}`, { code: "not-found" });
}

async function restoreOrRun(repo: Repo, stage: Stage, options: RunStageOptions): Promise<void> {
  const isDry = options.dry === true;
  if (options.force !== true && options.pull === true && !isDry) await fetchMissing(repo, stage, options);
  if (!isDry) {
    // Before the outputs go: a run that cannot begin should leave things as they are.
    if (options.force !== true) await refuseMissing(repo, stage, options);
    await removeOutputs(repo, stage, options);
  }
  if (options.force !== true && (await restoreRun(repo, stage, options)) && !isDry) {
    options.beside?.onState("restored");
    return;
  }
  const { beside } = options;
  const run = {
    ...viewOf(repo, options),
    env: repo.env.env,
    ...(beside === undefined ? {} : { onLine: beside.onLine }),
  };
  if (isDry) return runCommands(stage, run);
  requireFolder(stage.wdir);
  saveState(repo);
  beside?.onState("running");
  if (beside === undefined) await withoutRepoLock(repo, options, () => runCommands(stage, run));
  else await beside.pause(() => runCommands(stage, run));
}

/** What was learned about files is written out every so often, in ms: a command may run for days, or be killed. */
const SAVE_EVERY_MS = 5000;
const savedAt = new WeakMap<Repo, number>();

function saveState(repo: Repo): void {
  const now = systemClock.now();
  if (now - (savedAt.get(repo) ?? 0) < SAVE_EVERY_MS) return;
  repo.state.save();
  savedAt.set(repo, now);
}

function requireFolder(path: OsPath): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new DvcError(`[Errno 2] No such file or directory: '${path}'`, { code: "not-found" });
}
