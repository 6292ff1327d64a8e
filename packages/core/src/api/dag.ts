import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { outputsRead, type StageGraph } from "../pipeline/graph.ts";
import { entryText } from "../pipeline/display.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, viewOf } from "../repo/shown.ts";
import { collapseGroups, type LabelledGraph, narrow } from "./dagGraph.ts";

export interface DagOptions extends CallOptions {
  /** All that is connected with the target, not only what it needs. */
  readonly full?: boolean;
  /** Outputs instead of stages. */
  readonly outs?: boolean;
  /** The stages of one foreach or matrix become one node, named as it is. */
  readonly collapseForeachMatrix?: boolean;
}

/** A graph of names. */
export interface DagResult {
  /** Stages as commands name them (`train`, `dir/dvc.yaml:train`, `data.dvc`), or paths of outputs; relative to `cwd`. */
  readonly nodes: readonly string[];
  /** Data goes from `from` to `to`; in the order of the stages that read. */
  readonly edges: readonly { readonly from: string; readonly to: string }[];
}

/**
 * The graph of the project's stages or outputs: all of it, or what `target` (a stage, a file of stages, an output) needs.
 * @throws {DvcError} for a target that is not there, and for `outs` with `collapseForeachMatrix`; {GraphError}
 * @example const { nodes, edges } = dag(repo, "train")
 */
export function dag(repo: Repo, target?: string, options: DagOptions = {}): DagResult {
  const outs = options.outs === true;
  if (outs && options.collapseForeachMatrix === true) {
    throw new DvcError("`--outs` and `--collapse-foreach-matrix` are mutually exclusive");
  }
  const index = loadIndex(repo);
  const targets = target === undefined || target === "" ? [] : targetLabels(repo, index, target, outs);
  const whole = outs ? outputGraph(repo, index.graph) : stageGraph(repo, index.graph);
  let graph = targets.length === 0 ? whole : narrow(whole, targets, options.full === true);
  if (options.collapseForeachMatrix === true) graph = collapseGroups(graph);
  return {
    nodes: [...graph.keys()],
    edges: [...graph].flatMap(([to, needed]) => [...needed].map((from) => ({ from, to }))),
  };
}

function targetLabels(repo: Repo, index: Index, target: string, outs: boolean): string[] {
  const view = viewOf(repo, {});
  return index.collect([target]).flatMap(({ stage, out }) => {
    if (!outs) return [addressOf(repo, stage)];
    return (out === undefined ? stage.outs : [out]).map((one) => entryText(one, view));
  });
}

function stageGraph(repo: Repo, graph: StageGraph): LabelledGraph {
  const label = new Map(graph.stages.map((stage) => [stage, addressOf(repo, stage)]));
  const name = (stage: StageGraph["stages"][number]): string => label.get(stage) ?? "";
  return new Map(graph.stages.map((stage) => [name(stage), new Set(graph.upstream(stage).map(name))]));
}

function outputGraph(repo: Repo, graph: StageGraph): LabelledGraph {
  const view = viewOf(repo, {});
  const result = new Map<string, Set<string>>();
  for (const { out } of graph.outs.all()) result.set(entryText(out, view), new Set());
  for (const stage of graph.stages) {
    const needed = outputsRead(graph, stage).map(({ out }) => entryText(out, view));
    for (const out of stage.outs) {
      const known = result.get(entryText(out, view));
      for (const one of needed) known?.add(one);
    }
  }
  return result;
}
