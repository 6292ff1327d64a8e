import type { OsPath } from "../base/paths.ts";
import { isRecord, pyEquals } from "../formats/pyValues.ts";
import { parseParams } from "../formats/params.ts";
import { compareParams, selectParams } from "./paramsValues.ts";
import { stageMd5 } from "./stageMd5.ts";
import type { Dependency, Output, Stage } from "./stage.ts";
import { isImport, isRepoImport } from "./stage.ts";

/** A dependency on a file or folder. */
export type FileDependency = Extract<Dependency, { kind: "file" }>;

/** How an entry differs from what was recorded. */
export type EntryState = "modified" | "deleted" | "new" | "not in cache" | "update available" | "not in sync";

/** States by the path as printed; of parameters by file and key. The order is that of the stage. */
export type EntryStates = Readonly<Record<string, EntryState | Readonly<Record<string, EntryState>>>>;

/** One line of what `status` says of a stage, in DVC's words. */
export type StageChange =
  | { readonly "changed deps": EntryStates }
  | { readonly "changed outs": EntryStates }
  | "always changed"
  | "changed command"
  | "changed checksum";

/** All that changed in a stage, in DVC's order. Empty: nothing. */
export type StageStatus = readonly StageChange[];

/** How the present state is found out. What the methods throw goes through. */
export interface PresentState {
  /** Hash of what is there now, under `entry.hashName`; undefined when nothing is there (ignored paths are not). */
  hashOf(entry: Output | FileDependency): string | undefined;
  /** Whether the object, and for a folder everything in its manifest, is in the cache. Asked for cached outputs with a hash. */
  inCache(out: Output): boolean;
  /** The entry as printed. */
  text(entry: Output | Dependency): string;
  /** Text of a params file; undefined when it is gone. */
  readText(path: OsPath): string | undefined;
  /** Whether the source of an import has something newer. Without it, frozen imports are not asked. */
  updateOf?(dep: Dependency): "update available" | undefined;
  /** State of a data set of dvc.yaml against its lock; undefined when unchanged. */
  datasetOf?(dep: Dependency): EntryState | undefined;
}

/** Compares a stage with the present. Dependencies of a frozen stage do not count, updates of its source do. */
export function stageStatus(stage: Stage, present: PresentState): StageStatus {
  const changes: StageChange[] = [];
  const showsImport = present.updateOf !== undefined && (isRepoImport(stage) || isVersionedImport(stage));
  if (!stage.frozen || showsImport) {
    const deps = dependencyStates(stage, present);
    if (Object.keys(deps).length > 0) changes.push({ "changed deps": deps });
  }
  const outs = outputStates(stage, present);
  if (Object.keys(outs).length > 0) changes.push({ "changed outs": outs });
  if (isCallback(stage) || stage.alwaysChanged) changes.push("always changed");
  if (stage.name !== undefined) {
    if (isCommandChanged(stage)) changes.push("changed command");
  } else if (isChecksumChanged(stage)) changes.push("changed checksum");
  return changes;
}

/** A stage with nothing but a command: it runs each time. */
export function isCallback(stage: Stage): boolean {
  return stage.cmd !== undefined && stage.cmd.length > 0 && stage.deps.length === 0 && stage.outs.length === 0;
}

/** Whether the command differs from the one in dvc.lock. A stage that was never locked has not changed. */
export function isCommandChanged(stage: Stage): boolean {
  return stage.isLocked && stage.name !== undefined && !pyEquals(stage.lockedCmd, stage.cmd);
}

/** Whether the contents of a `.dvc` file no longer fit the checksum in it. */
export function isChecksumChanged(stage: Stage): boolean {
  return stage.name === undefined && stage.md5 !== stageMd5(stage);
}

/** Whether the stage imports from a storage that keeps versions. */
export function isVersionedImport(stage: Stage): boolean {
  const dep = stage.deps[0];
  if (!isImport(stage) || dep?.kind !== "file") return false;
  const config = dep.extra["fs_config"];
  if (isRecord(config) && "version_aware" in config) return config["version_aware"] === true;
  return dep.meta.versionId !== undefined || dep.extra["files"] !== undefined;
}

/** States of the dependencies that changed, frozen or not. */
export function dependencyStates(stage: Stage, present: PresentState): EntryStates {
  const states: Record<string, EntryStates[string]> = {};
  for (const dep of stage.deps) {
    const state = dependencyState(dep, stage, present);
    if (state !== undefined) states[present.text(dep)] = state;
  }
  return states;
}

function dependencyState(dep: Dependency, stage: Stage, present: PresentState): EntryStates[string] | undefined {
  switch (dep.kind) {
    case "db":
      return undefined;
    case "dataset":
      return present.datasetOf?.(dep);
    case "repo":
      return present.updateOf?.(dep);
    case "params":
      return paramsState(dep, present);
    case "file":
      return (isVersionedImport(stage) ? present.updateOf?.(dep) : undefined) ?? workspaceState(dep, present);
  }
}

function paramsState(
  dep: Extract<Dependency, { kind: "params" }>,
  present: PresentState,
): EntryStates[string] | undefined {
  const text = present.readText(dep.path);
  if (text === undefined) return "deleted";
  if (dep.locked === undefined) return "new";
  const actual = selectParams(parseParams(text, present.text(dep)), dep.params);
  const changes = compareParams(actual, dep.locked, dep.params);
  return changes.size === 0 ? undefined : Object.fromEntries(changes);
}

/** States of the outputs that changed. */
export function outputStates(stage: Stage, present: PresentState): EntryStates {
  const states: Record<string, EntryState> = {};
  for (const out of stage.outs) {
    const isMissing = out.hash !== undefined && out.useCache && !present.inCache(out);
    const state = isMissing ? "not in cache" : workspaceState(out, present);
    if (state !== undefined) states[present.text(out)] = state;
  }
  return states;
}

/** Compares what is there with what was recorded; the cache does not count. */
export function workspaceState(entry: Output | FileDependency, present: PresentState): EntryState | undefined {
  const current = present.hashOf(entry);
  if (current === undefined) return "deleted";
  // DVC's word also for what was never recorded.
  return current === entry.hash?.value ? undefined : "modified";
}
