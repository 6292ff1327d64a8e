import { GraphError } from "../base/errors.ts";
import type { Viewpoint } from "./display.ts";
import { addressing, entryText, stageText } from "./display.ts";
import { pyRepr } from "../formats/pyValues.ts";
import type { Owned } from "./outsIndex.ts";
import { OutsIndex } from "./outsIndex.ts";
import type { Dependency, Stage } from "./stage.ts";
import { isRepoImport } from "./stage.ts";

/** Which stage needs which: an edge goes from a stage to those whose outputs it reads. */
export interface StageGraph {
  /** In the order given. */
  readonly stages: readonly Stage[];
  readonly outs: OutsIndex;
  /** Stages whose outputs `stage` reads, each once, in the order of its dependencies. */
  upstream(stage: Stage): readonly Stage[];
  /** Stages that read an output of `stage`, each once, in the order given. */
  downstream(stage: Stage): readonly Stage[];
}

/**
 * Checks stages against each other and returns their graph. Cost is linear in the number of paths.
 * @throws {GraphError} duplicate or overlapping outputs, a `.dvc` file inside an output, a cycle; DVC's words.
 */
export function checkGraph(stages: readonly Stage[], view: Viewpoint): StageGraph {
  const outs = OutsIndex.of(stages, view);
  for (const stage of stages) {
    const owned = outs.covering(stage.file);
    if (owned !== undefined) {
      throw new GraphError(
        `${stageText(stage, view)} is within an output ${pyRepr(entryText(owned.out, view))} of another stage`,
      );
    }
  }
  const graph = linkStages(stages, outs);
  checkAcyclic(graph, view);
  return graph;
}

function linkStages(stages: readonly Stage[], outs: OutsIndex): StageGraph {
  const up = new Map<Stage, Stage[]>();
  const down = new Map<Stage, Stage[]>(stages.map((stage) => [stage, []]));
  for (const stage of stages) {
    const needed = new Set<Stage>();
    for (const path of readPaths(stage)) for (const owned of outs.overlapping(path)) needed.add(owned.stage);
    up.set(stage, [...needed]);
    for (const one of needed) down.get(one)?.push(stage);
  }
  return { stages, outs, upstream: (stage) => up.get(stage) ?? [], downstream: (stage) => down.get(stage) ?? [] };
}

/** The outputs that a stage reads, in the order of its dependencies; one that it reads twice comes twice. */
export function outputsRead({ outs }: StageGraph, stage: Stage): Owned[] {
  return readPaths(stage).flatMap((path) => outs.overlapping(path));
}

/** Paths that a stage reads within reach of other stages. */
function readPaths(stage: Stage): string[] {
  if (isRepoImport(stage)) return [];
  return stage.deps.flatMap((dep) => {
    const path = dependencyPath(dep);
    return path === undefined ? [] : [path];
  });
}

function dependencyPath(dep: Dependency): string | undefined {
  return dep.kind === "file" || dep.kind === "params" ? dep.path : undefined;
}

function checkAcyclic(graph: StageGraph, view: Viewpoint): void {
  const done = new Set<Stage>();
  for (const start of graph.stages) {
    if (done.has(start)) continue;
    const path: { stage: Stage; next: number }[] = [{ stage: start, next: 0 }];
    const onPath = new Set<Stage>([start]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const needed = graph.upstream(top.stage)[top.next++];
      if (needed === undefined) {
        done.add(top.stage);
        onPath.delete(top.stage);
        path.pop();
      } else if (onPath.has(needed)) {
        const cycle = path.map((one) => one.stage);
        throw cyclic(cycle.slice(cycle.indexOf(needed)), view);
      } else if (!done.has(needed)) {
        onPath.add(needed);
        path.push({ stage: needed, next: 0 });
      }
    }
  }
}

function cyclic(stages: readonly Stage[], view: Viewpoint): GraphError {
  const noun = stages.length === 1 ? "stage" : "stages";
  const names = stages.map((stage) => addressing(stage, view)).join(", ");
  return new GraphError(`Same item(s) are defined as both a dependency and an output in ${noun}: ${names}.`);
}

/**
 * Checks one stage by itself, as `stage add` and the imports do.
 * @throws {GraphError} `'…' is specified as an output and as a dependency.`, `file '…' is specified more than once.`
 */
export function checkStage(stage: Stage): void {
  const deps = stage.deps.map(dependencyPath).filter((path) => path !== undefined);
  const outs = new Set(stage.outs.map((out) => out.path));
  const both = deps.find((path) => outs.has(path));
  if (both !== undefined) throw new GraphError(`'${both}' is specified as an output and as a dependency.`);
  const seen = new Set<string>();
  for (const path of [...deps, ...stage.outs.map((out) => out.path)]) {
    if (seen.has(path)) throw new GraphError(`file '${path}' is specified more than once.`);
    seen.add(path);
  }
}

/** All stages, each after those it needs; otherwise in the order given. */
export function topologicalOrder(graph: StageGraph): Stage[] {
  return closure(graph.stages, (stage) => graph.upstream(stage));
}

/** `from` and all that they need, each after those it needs. */
export function ancestors(graph: StageGraph, from: Iterable<Stage>): Stage[] {
  return closure(from, (stage) => graph.upstream(stage));
}

/** `from` and all that need them, each before those that need it. */
export function descendants(graph: StageGraph, from: Iterable<Stage>): Stage[] {
  return closure(from, (stage) => graph.downstream(stage)).reverse();
}

/** Depth first, a stage after everything `next` leads to. Without recursion: chains may be long. */
function closure(from: Iterable<Stage>, next: (stage: Stage) => readonly Stage[]): Stage[] {
  const order: Stage[] = [];
  const seen = new Set<Stage>();
  for (const start of from) {
    if (seen.has(start)) continue;
    seen.add(start);
    const path: { stage: Stage; at: number }[] = [{ stage: start, at: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const one = next(top.stage)[top.at++];
      if (one === undefined) {
        order.push(top.stage);
        path.pop();
      } else if (!seen.has(one)) {
        seen.add(one);
        path.push({ stage: one, at: 0 });
      }
    }
  }
  return order;
}

/** Groups of stages that are connected, in the order of their first stage; each in the order given. */
export function components(graph: StageGraph): Stage[][] {
  const group = new Map<Stage, Stage[]>();
  const groups: Stage[][] = [];
  for (const start of graph.stages) {
    if (group.has(start)) continue;
    const members = closure([start], (stage) => [...graph.upstream(stage), ...graph.downstream(stage)]);
    groups.push(members);
    for (const one of members) group.set(one, members);
  }
  const place = new Map(graph.stages.map((stage, index) => [stage, index]));
  for (const members of groups) members.sort((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0));
  return groups;
}
