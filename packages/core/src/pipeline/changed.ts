import type { OsPath } from "../base/paths.ts";
import { isInside } from "../base/paths.ts";
import { isRecord, pyEquals } from "../formats/pyValues.ts";
import type { HashInfo } from "../hash/hashInfo.ts";
import type { Viewpoint } from "./display.ts";
import { entryText } from "./display.ts";
import { compareParams, selectParams } from "./paramsValues.ts";
import { stageMd5 } from "./stageMd5.ts";
import type { Dependency, Output, Stage } from "./stage.ts";
import { isImport, isRepoImport } from "./stage.ts";

/** A dependency on a file or folder. */
export type FileDependency = Extract<Dependency, { kind: "file" }>;

/** How an entry differs from what was recorded. */
export type EntryState = "modified" | "deleted" | "new" | "not in cache" | "update available" | "not in sync";

/** States by the path as printed; parameters by file and key. The order is that of the stage. */
export type EntryStates = Readonly<Record<string, EntryState | Readonly<Record<string, EntryState>>>>;

/** One line of what `status` says of a stage, in DVC's words. */
export type StageChange =
  | { readonly "changed deps": EntryStates }
  | { readonly "changed outs": EntryStates }
  | "always changed"
  | "changed command"
  | "changed checksum";

/** How the present state is found out. Every method may throw; the error goes through. */
export interface PresentState {
  /** Whether the path is there (ignored paths are not). Not called for repo imports, data sets and databases. */
  exists(entry: Output | FileDependency): boolean | Promise<boolean>;
  /** Hash of what is there now, under `entry.hashName`; undefined when it is gone. */
  currentHash(entry: Output | FileDependency): HashInfo | undefined | Promise<HashInfo | undefined>;
  /** Whether the object, and for a folder everything in its manifest, is in the cache. */
  inCache(hash: HashInfo, out: Output): boolean | Promise<boolean>;
  /** Parsed contents of a params file; undefined when it is gone. */
  readParams(path: OsPath): unknown;
  /** Whether the source of an import has something newer. Without it that question is not asked. */
  hasUpdate?(dep: Dependency, stage: Stage): boolean | Promise<boolean>;
  /** State of a data set of dvc.yaml against its lock; undefined when unchanged. */
  dataset?(dep: Extract<Dependency, { kind: "dataset" }>): EntryState | undefined | Promise<EntryState | undefined>;
}

/** What to look at. */
export interface ChangeOptions extends Viewpoint {
  /** Ask whether imports have updates, also of frozen ones. */
  readonly checkUpdates?: boolean;
  /** Only the outputs that are, or hold, this path. */
  readonly within?: OsPath;
}

/** Compares a stage with the present: empty when nothing changed; otherwise in DVC's order. */
export async function stageChanges(
  stage: Stage,
  present: PresentState,
  options: ChangeOptions,
): Promise<StageChange[]> {
  const changes: StageChange[] = [];
  const showsImport = options.checkUpdates === true && (isRepoImport(stage) || isVersionedImport(stage));
  if (!stage.frozen || showsImport) {
    const deps = await dependencyStates(stage, present, options);
    if (Object.keys(deps).length > 0) changes.push({ "changed deps": deps });
  }
  const outs = await outputStates(stage, present, options);
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

/** States of the dependencies that changed. */
export async function dependencyStates(stage: Stage, present: PresentState, view: ChangeOptions): Promise<EntryStates> {
  const states: Record<string, EntryStates[string]> = {};
  for (const dep of stage.deps) {
    const state = await dependencyState(dep, stage, present);
    if (state !== undefined) states[entryText(dep, view)] = state;
  }
  return states;
}

async function dependencyState(
  dep: Dependency,
  stage: Stage,
  present: PresentState,
): Promise<EntryStates[string] | undefined> {
  switch (dep.kind) {
    case "db":
      return undefined;
    case "dataset":
      return present.dataset?.(dep);
    case "repo":
      return (await present.hasUpdate?.(dep, stage)) === true ? "update available" : undefined;
    case "params":
      return paramsState(dep, present);
    case "file":
      if (isVersionedImport(stage) && (await present.hasUpdate?.(dep, stage)) === true) return "update available";
      return workspaceState(dep, present);
  }
}

function paramsState(
  dep: Extract<Dependency, { kind: "params" }>,
  present: PresentState,
): EntryStates[string] | undefined {
  const data = present.readParams(dep.path);
  if (data === undefined) return "deleted";
  if (dep.locked === undefined) return "new";
  const changes = compareParams(selectParams(data, dep.params), dep.locked, dep.params);
  return changes.size === 0 ? undefined : Object.fromEntries(changes);
}

/** States of the outputs that changed. */
export async function outputStates(stage: Stage, present: PresentState, options: ChangeOptions): Promise<EntryStates> {
  const states: Record<string, EntryState> = {};
  for (const out of stage.outs) {
    if (options.within !== undefined && !isInside(out.path, options.within)) continue;
    const state = await outputState(out, present);
    if (state !== undefined) states[entryText(out, options)] = state;
  }
  return states;
}

async function outputState(out: Output, present: PresentState): Promise<EntryState | undefined> {
  if (out.hash !== undefined && out.useCache && !(await present.inCache(out.hash, out))) return "not in cache";
  return workspaceState(out, present);
}

/** Compares what is there with what was recorded; the cache does not count. */
export async function workspaceState(
  entry: Output | FileDependency,
  present: PresentState,
): Promise<EntryState | undefined> {
  if (!(await present.exists(entry))) return "deleted";
  const { hash } = entry;
  // DVC's word for what is there but was never recorded.
  if (hash === undefined) return "modified";
  const current = await present.currentHash(entry);
  return current !== undefined && current.value === hash.value && current.name === hash.name ? undefined : "modified";
}
