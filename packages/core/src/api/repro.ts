import { resolve } from "node:path";
import { info, warn } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { isInside } from "../base/paths.ts";
import { lockFileOf, saveStage } from "../pipeline/save.ts";
import { ancestors, components, descendants, type StageGraph, topologicalOrder } from "../pipeline/graph.ts";
import type { Stage } from "../pipeline/stage.ts";
import { isImport } from "../pipeline/stage.ts";
import { type GitContext, withGitContext } from "../repo/gitContext.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import { withRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownStage, viewOf } from "../repo/shown.ts";
import { PROJECT_FILE } from "../repo/stageFiles.ts";
import { stagesOfTarget } from "../repo/targets.ts";
import { reproduceStage } from "./runIfChanged.ts";
import { pullRunCache } from "./runPull.ts";
import type { RunStageOptions } from "./runStage.ts";

export interface ReproOptions extends RunStageOptions {
  /** Ask before each stage that is to run. */
  readonly interactive?: boolean;
  /** Only the targets, nothing that they need. */
  readonly singleItem?: boolean;
  /** The whole pipelines that the targets belong to. */
  readonly pipeline?: boolean;
  /** Every stage of the project. */
  readonly allPipelines?: boolean;
  /** A folder stands for all stages below it. */
  readonly recursive?: boolean;
  /** From the targets on, to all that needs them. */
  readonly downstream?: boolean;
  /** What needs a stage that ran runs too. */
  readonly forceDownstream?: boolean;
  /** Names of stages are patterns. */
  readonly glob?: boolean;
  /** What happens after a stage failed: stop, leave out what needs it, or go on as if nothing were. Default "fail". */
  readonly onError?: "fail" | "keep-going" | "ignore";
  /** Asked with `interactive`; without it the answer is no. */
  readonly confirm?: (question: string) => Promise<boolean>;
}

/** Addresses of the stages that ran, were restored or recorded anew (with `dry`: would be), in order. */
export interface ReproResult {
  readonly reproduced: readonly string[];
}

/**
 * Brings stages up to date in the order in which they need each other: what changed is restored from a past run or runs.
 * @throws {DvcError} `failed to reproduce '…'` with the reason as its cause; what was done before stays done and recorded
 * @example const { reproduced } = await repro(repo, ["train"])
 */
export async function repro(
  repo: Repo,
  targets: readonly string[] = [],
  options: ReproOptions = {},
): Promise<ReproResult> {
  return withRepoLock(repo, options, () =>
    withGitContext(repo, options, async (context) => {
      const index = loadIndex(repo);
      const isWhole = options.allPipelines === true || options.pipeline === true;
      const wanted = options.allPipelines === true ? [] : collect(repo, index, targets, options);
      if (options.pull === true && options.noRunCache !== true) await pullRunCache(repo, options);
      const isSingle = options.singleItem === true && !isWhole;
      const graph = isSingle ? undefined : activeGraph(index.graph);
      const steps = graph === undefined ? wanted : planRepro(graph, wanted, options);
      refuseIgnoredLocks(repo, steps);
      context.expect(
        steps.flatMap((stage) => stage.outs.flatMap((out) => (out.useCache && out.isInRepo ? [out.path] : []))),
      );
      try {
        return await new Reproduction(repo, graph, context, options).run(steps);
      } finally {
        repo.state.save();
      }
    }),
  );
}

function collect(repo: Repo, index: Index, targets: readonly string[], options: ReproOptions): Stage[] {
  const names = targets.length === 0 ? [PROJECT_FILE] : targets;
  const stages = names.flatMap((target): readonly Stage[] => {
    const path = resolve(repo.env.cwd, target);
    if (options.recursive === true && index.files.isFolder(path)) {
      return topologicalOrder(index.graph).filter((stage) => stage.file !== path && isInside(path, stage.file));
    }
    return stagesOfTarget(repo, index.files, target, { glob: options.glob === true });
  });
  return [...new Set(stages)];
}

/** The graph without what frozen stages need. */
function activeGraph(graph: StageGraph): StageGraph {
  return {
    stages: graph.stages,
    outs: graph.outs,
    upstream: (stage) => (stage.frozen ? [] : graph.upstream(stage)),
    downstream: (stage) => graph.downstream(stage).filter((one) => !one.frozen),
  };
}

/** The stages to look at for the wanted ones (all when none are), each after those it needs. */
export function planRepro(
  graph: StageGraph,
  wanted: readonly Stage[],
  options: Pick<ReproOptions, "pipeline" | "downstream" | "allPipelines"> = {},
): Stage[] {
  const nodes = new Set(nodesOf(graph, wanted, options));
  const inside = (stages: readonly Stage[]): readonly Stage[] => stages.filter((stage) => nodes.has(stage));
  const order = topologicalOrder({
    ...graph,
    stages: inside(graph.stages),
    upstream: (stage) => inside(graph.upstream(stage)),
  });
  const known = new Set(order);
  return [...order, ...wanted.filter((stage) => !known.has(stage))];
}

function nodesOf(
  graph: StageGraph,
  wanted: readonly Stage[],
  options: Pick<ReproOptions, "pipeline" | "downstream" | "allPipelines">,
): readonly Stage[] {
  if (wanted.length === 0) return graph.stages;
  if (options.pipeline === true) {
    return components(graph)
      .filter((group) => group.some((stage) => wanted.includes(stage)))
      .flat();
  }
  return options.downstream === true && options.allPipelines !== true
    ? descendants(graph, wanted)
    : ancestors(graph, wanted);
}

/** A dvc.lock that Git does not see would be lost with the next clone. */
function refuseIgnoredLocks(repo: Repo, steps: readonly Stage[]): void {
  const files = new Set(steps.filter((stage) => stage.name !== undefined).map((stage) => lockFileOf(stage.file)));
  for (const file of files) {
    if (repo.gitIgnored?.ignoresFile(file) === true) throw new DvcError(`'${file}' is git-ignored.`);
  }
}

/** One walk over the steps, with what came of each. */
class Reproduction {
  readonly #repo: Repo;
  readonly #graph: StageGraph | undefined;
  readonly #context: GitContext;
  readonly #options: ReproOptions;
  /** Stages as they are after their turn. */
  readonly #done = new Map<Stage, Stage>();
  readonly #forced = new Set<Stage>();
  readonly #skipped = new Set<Stage>();

  constructor(repo: Repo, graph: StageGraph | undefined, context: GitContext, options: ReproOptions) {
    this.#repo = repo;
    this.#graph = graph;
    this.#context = context;
    this.#options = options;
  }

  async run(steps: readonly Stage[]): Promise<ReproResult> {
    const reproduced: string[] = [];
    const failed: Stage[] = [];
    let hasRun = false;
    for (const stage of steps) {
      if (this.#skipped.has(stage)) continue;
      this.#options.signal?.throwIfAborted();
      if (hasRun) info(this.#options, "");
      try {
        hasRun = await this.#step(stage);
      } catch (error) {
        if (isAbort(error)) throw error;
        failed.push(stage);
        this.#fail(stage, error);
        continue;
      }
      if (hasRun) reproduced.push(addressOf(this.#repo, stage));
    }
    if (failed.length > 0 && this.#options.onError !== "ignore") throw this.#failure(failed, undefined);
    return { reproduced };
  }

  async #step(stage: Stage): Promise<boolean> {
    const { forceDownstream } = this.#options;
    if (stage.frozen && !isImport(stage)) {
      warn(
        this.#options,
        `${shownStage(this.#repo, stage)} is frozen. Its dependencies are not going to be reproduced.`,
      );
    }
    const force = this.#options.force === true || this.#forced.has(stage);
    const upstream = (this.#graph?.upstream(stage) ?? []).map((one) => this.#done.get(one) ?? one);
    const done = await reproduceStage(this.#repo, stage, this.#context, { ...this.#options, force, upstream });
    if (done !== undefined) {
      this.#done.set(stage, done);
      if (this.#options.dry !== true) this.#save(done);
    }
    if (forceDownstream === true && (done !== undefined || force)) {
      for (const one of this.#graph?.downstream(stage) ?? []) this.#forced.add(one);
    }
    return done !== undefined;
  }

  #save(stage: Stage): void {
    for (const file of saveStage(stage, viewOf(this.#repo, this.#options))) this.#context.track(file);
    if (stage.name === undefined) this.#context.track(stage.file);
  }

  /** @throws {DvcError} unless the rest is to go on. */
  #fail(stage: Stage, error: unknown): void {
    const { onError = "fail" } = this.#options;
    if (onError === "fail") throw this.#failure([stage], error);
    const text = error instanceof Error ? error.message : String(error);
    warn(this.#options, `${text}${onError === "ignore" ? " (ignored)" : ""}`);
    if (onError === "ignore" || this.#graph === undefined) return;
    const dependents = descendants(this.#graph, [stage]).filter((one) => one !== stage);
    if (dependents.length > 0) {
      const many = dependents.length > 1 ? "Stages" : "Stage";
      warn(this.#options, `${many} ${this.#names(dependents)} will be skipped due to this failure`);
    }
    for (const one of dependents) this.#skipped.add(one);
  }

  #failure(stages: readonly Stage[], cause: unknown): DvcError {
    const segment = stages.length > 1 ? " stages:" : "";
    return new DvcError(`failed to reproduce${segment} ${this.#names(stages)}`, {
      code: cause instanceof DvcError ? cause.code : "stage-run",
      ...(cause === undefined ? {} : { cause }),
    });
  }

  #names(stages: readonly Stage[]): string {
    const names = stages.map((stage) => `'${addressOf(this.#repo, stage)}'`);
    const last = names.pop() ?? "";
    return names.length === 0 ? last : `${names.join(", ")} and ${last}`;
  }
}

function isAbort(error: unknown): boolean {
  if (error instanceof DvcError) return error.code === "aborted";
  return error instanceof Error && error.name === "AbortError";
}
