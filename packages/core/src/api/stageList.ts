import { resolve } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { isInside } from "../base/paths.ts";
import { checkGraph, topologicalOrder } from "../pipeline/graph.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, viewOf } from "../repo/shown.ts";
import { PROJECT_FILE, StageFiles } from "../repo/stageFiles.ts";
import { stagesOfTarget } from "../repo/targets.ts";

export interface StageListOptions extends CallOptions {
  /** Every stage of the project, whatever the targets. */
  readonly all?: boolean;
  /** Stop at the first file that can't be read, instead of leaving it out (with `all` and `recursive`). */
  readonly fail?: boolean;
  /** A folder stands for all stages below it. */
  readonly recursive?: boolean;
}

/** A stage with one line about it: the first of its own description, else what it writes or reads. */
export interface ListedStage {
  readonly name: string;
  readonly description: string;
}

/**
 * The stages of the targets (default: of ./dvc.yaml), each once.
 * @throws {DvcError} for targets that are not there, in DVC's words.
 * @example const stages = stageList(repo, ["dvc.yaml"])
 */
export function stageList(repo: Repo, targets: readonly string[] = [], options: StageListOptions = {}): ListedStage[] {
  const listed = new Map<string, string>();
  for (const stage of collect(repo, targets, options)) listed.set(addressOf(repo, stage), describe(stage));
  return [...listed].map(([name, description]) => ({ name, description }));
}

function collect(repo: Repo, targets: readonly string[], options: StageListOptions): readonly Stage[] {
  const files = new StageFiles(repo, undefined);
  const readable = (): Stage[] => files.all(options.fail === true ? undefined : () => undefined);
  if (options.all === true) return readable();
  const names = targets.length === 0 ? [PROJECT_FILE] : targets;
  return names.flatMap((target) => {
    const path = resolve(repo.env.cwd, target);
    if (options.recursive !== true || !files.isFolder(path)) return stagesOfTarget(repo, files, target, {});
    const graph = checkGraph(readable(), viewOf(repo, {}));
    return topologicalOrder(graph).filter((stage) => isInside(path, stage.file));
  });
}

function describe(stage: Stage): string {
  const own = stage.desc
    ?.split(/\r\n|[\n\r]/)
    .find((line) => line !== "")
    ?.trim();
  return own === undefined || own === "" ? describeData(stage) : own;
}

function describeData({ deps, outs }: Stage): string {
  const paths = (list: readonly { readonly defPath: string }[]): string => list.map((one) => one.defPath).join(", ");
  if (outs.length === 0) return deps.length === 0 ? "No outputs or dependencies" : `Depends on ${paths(deps)}`;
  const reports = outs.filter(isReport);
  const plain = outs.filter((out) => !isReport(out));
  return [
    ...(plain.length === 0 ? [] : [`Outputs ${paths(plain)}`]),
    ...(reports.length === 0 ? [] : [`Reports ${paths(reports)}`]),
  ].join("; ");
}

function isReport(out: Output): boolean {
  const isSet = (flag: unknown): boolean => flag !== undefined && flag !== null && flag !== false;
  return isSet(out.metric) || isSet(out.plot);
}
