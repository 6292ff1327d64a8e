import { resolve } from "node:path";
import { isInside } from "../base/paths.ts";
import { ancestors, components, descendants, type StageGraph, topologicalOrder } from "../pipeline/graph.ts";
import type { Stage } from "../pipeline/stage.ts";
import { withGitContext } from "../repo/gitContext.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import { changeRepo } from "../repo/change.ts";
import { lookingWhenDry } from "../repo/looking.ts";
import type { Repo } from "../repo/repo.ts";
import { PROJECT_FILE } from "../repo/stageFiles.ts";
import { stagesOfTarget } from "../repo/targets.ts";
import { type ReproResult, reproduceSteps } from "./reproRun.ts";
import type { ReproOptions } from "./reproOptions.ts";
import { pullRunCache } from "./runPull.ts";

export type { ReproOptions } from "./reproOptions.ts";
export type { ReproResult } from "./reproRun.ts";
export { interruption } from "../pipeline/children.ts";

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
  return changeRepo(repo, "repro", options, () =>
    withGitContext(repo, options, async (context) => {
      const index = loadIndex(repo);
      const wanted = options.allPipelines === true ? [] : collectWanted(repo, index, targets, options);
      if (options.pull === true && options.noRunCache !== true) await pullRunCache(repo, options);
      const { graph, steps } = stepsFor(index, wanted, options);
      context.expect(
        steps.flatMap((stage) => stage.outs.flatMap((out) => (out.useCache && out.isInRepo ? [out.path] : []))),
      );
      try {
        const jobs = options.jobs ?? repo.config.integer("feature", "repro_jobs");
        // A single item needs no other stage to be readable.
        const plan = { steps, graph, order: (): StageGraph => index.graph };
        const how = { ...options, ...(jobs === undefined ? {} : { jobs }) };
        return await lookingWhenDry(repo, options.dry, () => reproduceSteps(repo, plan, context, how));
      } finally {
        repo.state.save();
      }
    }),
  );
}

/** How stages are chosen. */
export type ChoiceOptions = Pick<
  ReproOptions,
  "singleItem" | "pipeline" | "allPipelines" | "recursive" | "downstream" | "glob"
>;

/** The stages to look at, in order, and the graph that binds them: undefined for single items. */
export function stepsFor(
  index: Index,
  wanted: readonly Stage[],
  options: ChoiceOptions,
): { readonly graph: StageGraph | undefined; readonly steps: readonly Stage[] } {
  const isWhole = options.allPipelines === true || options.pipeline === true;
  if (options.singleItem === true && !isWhole) return { graph: undefined, steps: wanted };
  const graph = activeGraph(index.graph);
  return { graph, steps: planRepro(graph, wanted, options) };
}

/** The stages that the targets stand for; those of `./dvc.yaml` without targets. */
export function collectWanted(repo: Repo, index: Index, targets: readonly string[], options: ChoiceOptions): Stage[] {
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
    // Several pipelines go in the order of the targets that name them.
    stages: options.pipeline === true && wanted.length > 0 ? [...nodes] : inside(graph.stages),
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
    const groupOf = new Map(components(graph).flatMap((group) => group.map((stage) => [stage, group])));
    return [...new Set(wanted.map((stage) => groupOf.get(stage) ?? []))].flat();
  }
  return options.downstream === true && options.allPipelines !== true
    ? descendants(graph, wanted)
    : ancestors(graph, wanted);
}
