import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { join } from "node:path";
import { saveStages } from "../pipeline/save.ts";
import { type Dependency, isDataSource, type Output, type Stage } from "../pipeline/stage.ts";
import { recordParams } from "../pipeline/params.ts";
import { withGitContext, type GitContext } from "../repo/gitContext.ts";
import { loadIndex, type Selected } from "../repo/index.ts";
import { withRepoLock } from "../repo/locks.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownPath, shownStage } from "../repo/shown.ts";
import { recordOutput, relinkOutput, hashPath } from "./recordOutput.ts";
import { statusOf } from "./status.ts";

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
  return withRepoLock(repo, options, () =>
    withGitContext(repo, options, (context) => commitLocked(repo, target, context, options)),
  );
}

async function commitLocked(
  repo: Repo,
  target: string | undefined,
  context: GitContext,
  options: CommitOptions,
): Promise<CommitResult> {
  const index = loadIndex(repo);
  index.checkGraph();
  const selected = index
    .collect(target === undefined ? [] : [target], {
      recursive: options.recursive === true,
      withDeps: options.withDeps === true,
    })
    .filter((one) => options.dataOnly !== true || isDataSource(one.stage));
  const committed: string[] = [];
  for (const group of byFile(selected)) {
    const stages: Stage[] = [];
    for (const one of group) stages.push(await commitStage(repo, one, context, options));
    saveStages(repo.root, stages, { pipeline: false });
    const [first] = stages;
    if (first !== undefined)
      context.track(first.name === undefined ? first.file : first.file.replace(/\.yaml$/, ".lock"));
    committed.push(...stages.map((stage) => addressOf(repo, stage)));
  }
  repo.state.save();
  return { committed };
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
  context: GitContext,
  options: CommitOptions,
): Promise<Stage> {
  const { stage } = selected;
  if (options.force !== true) await askIfChanged(repo, selected, options);
  const outs: Output[] = [];
  for (const out of stage.outs) {
    outs.push(await commitOutput(repo, stage, out, selected, context, options));
  }
  const deps: Dependency[] = [];
  for (const dep of stage.deps) deps.push(await recordDependency(repo, stage, dep, options));
  return { ...stage, outs, deps, lockedCmd: stage.cmd };
}

async function commitOutput(
  repo: Repo,
  stage: Stage,
  out: Output,
  selected: Selected,
  context: GitContext,
  options: CommitOptions,
): Promise<Output> {
  if (!out.isLocal || (selected.out !== undefined && selected.out !== out)) return out;
  checkOutputPath(repo, stage, out);
  const within = selected.within === undefined ? undefined : join(out.path, selected.within);
  try {
    const recorded = await recordOutput(repo, out, {
      ...options,
      store: out.useCache,
      ...(within === undefined ? {} : { within }),
    });
    if (out.useCache) context.ignore(out.path);
    if (options.noRelink !== true) await relinkOutput(repo, recorded.out, recorded.built, within, options);
    return recorded.out;
  } catch (error) {
    if (options.allowMissing === true && error instanceof DvcError && error.code === "not-found") return out;
    throw error;
  }
}

async function recordDependency(
  repo: Repo,
  stage: Stage,
  dep: Dependency,
  options: CommitOptions,
): Promise<Dependency> {
  if (dep.kind === "params") return recordParams(dep, repo.workspace);
  if (dep.kind !== "file" || !dep.isLocal || stage.frozen) return dep;
  if (!repo.workspace.exists(dep.path)) {
    if (options.allowMissing === true) return dep;
    throw new DvcError(`dependency '${shownPath(repo, dep)}' does not exist`, { code: "not-found" });
  }
  const built = await hashPath(repo, dep.path, "md5", options);
  return { ...dep, hash: built.hash, meta: built.meta };
}

async function askIfChanged(repo: Repo, selected: Selected, options: CommitOptions): Promise<void> {
  const { stage } = selected;
  const entries = await statusOf(repo, selected, { ...options, noUpdates: true });
  const names = (key: string): string[] =>
    entries.flatMap((entry) => {
      const found = typeof entry === "string" ? undefined : entry[key];
      return found === undefined ? [] : Object.keys(found).filter((path) => found[path] !== "not in cache");
    });
  const [deps, outs] = [names("changed deps"), names("changed outs")];
  const what = changedText(repo, stage, deps, outs, entries);
  if (what === undefined) return;
  if ((await options.confirm?.(`${what} Are you sure you want to commit it?`)) === true) return;
  throw new DvcError(`unable to commit changed ${shownStage(repo, stage)}. Use \`-f|--force\` to force.`);
}

function changedText(
  repo: Repo,
  stage: Stage,
  deps: readonly string[],
  outs: readonly string[],
  entries: readonly unknown[],
): string | undefined {
  const list = (paths: readonly string[]): string => `[${paths.map((path) => `'${path}'`).join(", ")}]`;
  const of = shownStage(repo, stage);
  if (deps.length > 0 && outs.length > 0)
    return `dependencies ${list(deps)} and outputs ${list(outs)} of ${of} changed.`;
  if (deps.length > 0) return `dependencies ${list(deps)} of ${of} changed.`;
  if (outs.length > 0) return `outputs ${list(outs)} of ${of} changed.`;
  if (entries.includes("changed command")) return `'cmd' of ${of} has changed.`;
  if (entries.includes("changed checksum")) return `'md5' of ${of} changed.`;
  return undefined;
}
