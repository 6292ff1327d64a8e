import { resolve } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { posixRelative } from "../base/paths.ts";
import { setKey } from "../formats/pyValues.ts";
import { DEFAULT_PARAMS_FILE } from "../pipeline/pipelineStage.ts";
import {
  expandFolders,
  type FileValues,
  type Moment,
  readRevisions,
  readValues,
  type RevisionValues,
} from "./fileValues.ts";
import { selectNested } from "./paramsKeys.ts";
import { looking } from "./looking.ts";
import type { Repo } from "./repo.ts";
import type { RevisionOptions } from "./revisions.ts";
import { topLevelFiles } from "./topLevelFiles.ts";

/** Which params to read. */
export interface ReadParamsOptions extends RevisionOptions, CallOptions {
  /** Only what stages depend on. */
  readonly depsOnly?: boolean;
}

/**
 * The params of the workspace and of the revisions asked for: what stages depend on, the files of the top level of dvc.yaml,
 * params.yaml, and the values that templates used; or the files and folders given (relative to the project's root).
 * @throws {ScmError} for an unknown revision.
 */
export function readParams(
  repo: Repo,
  targets: readonly string[],
  options: ReadParamsOptions,
): Promise<RevisionValues[]> {
  return looking(repo, async () => {
    const { depsOnly, ...rest } = options;
    return readRevisions(repo, { ...rest, kind: "params" }, (moment) => gather(moment, targets, depsOnly === true));
  });
}

async function gather(moment: Moment, targets: readonly string[], depsOnly: boolean): Promise<FileValues[]> {
  const wanted =
    targets.length > 0 ? new Map(targets.map((path) => [path, []])) : await projectParams(moment, depsOnly);
  const values = new Map<string, FileValues>();
  for (const [path, keys] of wanted) {
    for (const file of await expandFolders(moment, [path])) {
      values.set(file, await readValues(moment, file, (data) => (keys.length === 0 ? data : selectNested(data, keys))));
    }
  }
  if (targets.length === 0) {
    for (const [path, data] of templateValues(moment)) if (!values.has(path)) values.set(path, { path, data });
  }
  return [...values.values()];
}

/** Files with the keys wanted of each; no keys: the whole file. */
async function projectParams(moment: Moment, depsOnly: boolean): Promise<Map<string, readonly string[]>> {
  const { repo, index, files } = moment;
  const asked: [string, readonly string[]][] = [];
  for (const { deps } of index.stages) {
    for (const dep of deps) if (dep.kind === "params") asked.push([posixRelative(repo.root, dep.path), dep.params]);
  }
  if (!depsOnly) {
    for (const path of topLevelFiles(repo, index, "params")) asked.push([path, []]);
    if (await files.exists(resolve(repo.root, DEFAULT_PARAMS_FILE))) asked.push([DEFAULT_PARAMS_FILE, []]);
  }
  const whole = new Set(asked.filter(([, keys]) => keys.length === 0).map(([path]) => path));
  const merged = new Map<string, string[]>();
  for (const [path, keys] of asked) {
    const known = merged.get(path) ?? [];
    if (!whole.has(path)) for (const key of keys) known.push(key);
    merged.set(path, known);
  }
  return merged;
}

/** Values that templates of stages took from files, by file and dotted key. */
function templateValues({ repo, index }: Moment): Map<string, Record<string, unknown>> {
  const found = new Map<string, Record<string, unknown>>();
  for (const { usedVars } of index.stages) {
    for (const [file, values] of usedVars) {
      const path = posixRelative(repo.root, resolve(repo.env.cwd, file));
      const known = found.get(path) ?? {};
      for (const [key, value] of values) setKey(known, key, value);
      found.set(path, known);
    }
  }
  return found;
}
