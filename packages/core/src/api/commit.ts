import { type CallOptions, warn } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { join } from "node:path";
import { isOfNothing } from "../odb/meta.ts";
import { saveStages } from "../pipeline/save.ts";
import { isRunCacheable, saveRun } from "../pipeline/stageCache.ts";
import { runsFolder } from "../repo/objects.ts";
import { isDataSource, type Output, type Stage } from "../pipeline/stage.ts";
import {
  dependencyStates,
  type FileDependency,
  isChecksumChanged,
  isCommandChanged,
  isVersionedImport,
  workspaceState,
} from "../pipeline/changed.ts";
import { type GitContext, refuseGitTracked, withGitContext } from "../repo/gitContext.ts";
import { loadIndex, type Selected } from "../repo/index.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import { presentState } from "../repo/presentState.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownLocal, shownPath, shownStage, viewOf } from "../repo/shown.ts";
import { recordOutput, relinkOutput } from "./recordOutput.ts";
import { recordDependencies } from "./runRecord.ts";
import { lookAtStorage } from "./storageDependency.ts";

export interface CommitOptions extends CallOptions {
  /** Don't ask about changed stages. */
  readonly force?: boolean;
  readonly withDeps?: boolean;
  readonly recursive?: boolean;
  readonly noRelink?: boolean;
  /** Only `.dvc` files. */
  readonly dataOnly?: boolean;
  readonly allowMissing?: boolean;
  /** Asked for each changed stage when not `force`; without it the answer is no. */
  readonly confirm?: (question: string) => Promise<boolean>;
}

/** Addresses of the stages committed, in order. */
export interface CommitResult {
  readonly committed: readonly string[];
}

/**
 * Records the outputs (and dependencies) of one target, or of everything, as they are in the workspace.
 * @throws {DvcError} when a stage has changed and the answer is no, or an output is missing.
 */
export async function commit(repo: Repo, target?: string, options: CommitOptions = {}): Promise<CommitResult> {
  return changeRepo(repo, "commit", options, () =>
    withGitContext(repo, { ...options, untold: true }, (context) => commitLocked(repo, target, context, options)),
  );
}

/** The same, unasked, for stages that were loaded already, whatever they are called; what is missing stays as recorded. */
export async function commitStages(repo: Repo, stages: readonly Stage[], options: CallOptions = {}): Promise<void> {
  const how = { ...options, force: true, allowMissing: true };
  const selected = stages.map((stage) => ({ stage }));
  await changeRepo(repo, "commit", options, () =>
    withGitContext(repo, { ...options, untold: true }, (context) => commitSelected(repo, selected, context, how)),
  );
}

function commitLocked(
  repo: Repo,
  target: string | undefined,
  context: GitContext,
  options: CommitOptions,
): Promise<CommitResult> {
  const selected = loadIndex(repo)
    .collect(target === undefined ? [] : [target], {
      recursive: options.recursive === true,
      withDeps: options.withDeps === true,
    })
    .filter((one) => options.dataOnly !== true || isDataSource(one.stage));
  return commitSelected(repo, selected, context, options);
}

async function commitSelected(
  repo: Repo,
  selected: readonly Selected[],
  context: GitContext,
  options: CommitOptions,
): Promise<CommitResult> {
  const tracked = repo.git?.isTracked(selected.flatMap(cachedPaths)) ?? new Set<OsPath>();
  const committed: string[] = [];
  for (const group of byFile(selected)) {
    const stages: Stage[] = [];
    for (const one of group) stages.push(await commitStage(repo, one, tracked, context, options));
    for (const file of saveStages(stages, viewOf(repo, options))) context.track(file);
    const [first] = stages;
    if (first !== undefined)
      context.track(first.name === undefined ? first.file : first.file.replace(/\.yaml$/, ".lock"));
    committed.push(...stages.map((stage) => addressOf(repo, stage)));
  }
  repo.state.save();
  return { committed };
}

/** Where the outputs lie that Git must not hold as well. */
function cachedPaths({ stage, out }: Selected): OsPath[] {
  return (out === undefined ? stage.outs : [out]).filter((one) => one.useCache && one.isInRepo).map(({ path }) => path);
}

function byFile(selected: readonly Selected[]): Selected[][] {
  const groups = new Map<string, Selected[]>();
  for (const one of selected) {
    const group = groups.get(one.stage.file);
    if (group === undefined) groups.set(one.stage.file, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

async function commitStage(
  repo: Repo,
  selected: Selected,
  tracked: ReadonlySet<OsPath>,
  context: GitContext,
  options: CommitOptions,
): Promise<Stage> {
  const { stage } = selected;
  const isChanged = options.force === true || (await askIfChanged(repo, selected, options));
  refuseGitTracked(repo, cachedPaths(selected), (path) => shownLocal(repo, path), tracked);
  // A version of a source is changed by `update` alone.
  const deps = isVersionedImport(stage) ? stage.deps : await recordDependencies(repo, stage, options);
  // The run cache keeps outputs that are not cached, too: it could not bring them back otherwise.
  const keepsRun = isChanged && selected.out === undefined && isRunCacheable({ ...stage, deps });
  const outs: Output[] = [];
  for (const out of stage.outs) {
    outs.push(await commitOutput(repo, stage, out, selected, context, { ...options, isChanged, keepsRun }));
  }
  const done: Stage = { ...stage, outs, deps, lockedCmd: stage.cmd };
  if (keepsRun) saveRun(runsFolder(repo.cacheDir), done);
  return done;
}

async function commitOutput(
  repo: Repo,
  stage: Stage,
  out: Output,
  selected: Selected,
  context: GitContext,
  options: CommitOptions & { readonly isChanged: boolean; readonly keepsRun: boolean },
): Promise<Output> {
  if (!out.isLocal || (selected.out !== undefined && selected.out !== out)) return out;
  // What lies outside is only hashed.
  if (out.useCache || out.isInRepo) checkOutputPath(repo, stage, out);
  const within = selected.within === undefined ? undefined : join(out.path, selected.within);
  try {
    const recorded = await recordOutput(repo, out, {
      ...options,
      stage,
      store: out.useCache || options.keepsRun,
      ...(within === undefined ? {} : { within, storeManifest: false }),
    });
    if (options.isChanged && isOfNothing(recorded.out.meta)) warn(options, `'${shownPath(repo, out)}' is empty.`);
    if (out.useCache) context.ignore(out.path);
    if (options.noRelink !== true) await relinkOutput(repo, recorded.out, recorded.built, within, options);
    return recorded.out;
  } catch (error) {
    if (options.allowMissing === true && error instanceof DvcError && error.code === "not-found") return out;
    throw error;
  }
}

/** @returns whether the stage changed @throws {DvcError} when it did and the answer is no */
async function askIfChanged(repo: Repo, selected: Selected, options: CommitOptions): Promise<boolean> {
  const { stage } = selected;
  // Dependencies of frozen stages and imports count here, as in DVC.
  const lookAt = (dep: FileDependency, call: CallOptions): Promise<FileDependency | undefined> =>
    lookAtStorage(repo, dep, call);
  const present = await presentState(repo, { ...stage, frozen: false }, { ...options, lookAt });
  const deps = Object.keys(dependencyStates(stage, present));
  const outs = stage.outs
    .filter((out) => workspaceState(out, present) !== undefined)
    .map((out) => shownPath(repo, out));
  const what = changedText(repo, stage, deps, outs);
  if (what === undefined) return false;
  if ((await options.confirm?.(`${what} Are you sure you want to commit it?`)) === true) return true;
  throw new DvcError(`unable to commit changed ${shownStage(repo, stage)}. Use \`-f|--force\` to force.`);
}

function changedText(repo: Repo, stage: Stage, deps: readonly string[], outs: readonly string[]): string | undefined {
  const list = (paths: readonly string[]): string => `[${paths.map((path) => `'${path}'`).join(", ")}]`;
  const of = shownStage(repo, stage);
  if (deps.length > 0 && outs.length > 0)
    return `dependencies ${list(deps)} and outputs ${list(outs)} of ${of} changed.`;
  if (deps.length > 0) return `dependencies ${list(deps)} of ${of} changed.`;
  if (outs.length > 0) return `outputs ${list(outs)} of ${of} changed.`;
  if (isCommandChanged(stage)) return `'cmd' of ${of} has changed.`;
  if (isChecksumChanged(stage)) return `'md5' of ${of} changed.`;
  return undefined;
}
