import { dirname, relative } from "node:path";
import { compareCodePoints } from "../base/codePoints.ts";
import { posix } from "./location.ts";
import { DEFAULT_PARAMS_FILE } from "./pipelineStage.ts";
import { isEmptyValue } from "./record.ts";
import type { Dependency, Output, Stage } from "./stage.ts";

/** Data with DVC's key names, in the order in which DVC writes new files. */
export type FileData = Record<string, unknown>;

/** Contents of the `.dvc` file of a stage. */
export function dvcFileData(stage: Stage): FileData {
  return withoutEmpty({
    desc: stage.desc,
    md5: stage.md5,
    wdir: wdirText(stage),
    frozen: stage.frozen,
    deps: stage.deps.map((dep) => dependencyData(dep, stage)),
    outs: stage.outs.map((out) => outputData(out, stage)),
    always_changed: stage.alwaysChanged,
    meta: stage.meta,
  });
}

function wdirText(stage: Stage): string | undefined {
  const rel = posix(relative(dirname(stage.file), stage.wdir));
  return rel === "" ? undefined : rel;
}

function withoutEmpty(data: FileData): FileData {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => !isEmptyValue(value)));
}

type Recorded = Pick<Output, "hash" | "hashName" | "meta" | "extra">;

/** Hash and meta: `md5`, `size`, `nfiles`, `isexec`, what a storage knows, `cloud`. */
function recordedData({ hash, meta, extra }: Recorded): FileData {
  const data: FileData = {};
  if (hash !== undefined) data[hash.name === "md5-dos2unix" ? "md5" : hash.name] = hash.value;
  if (meta.size !== undefined) data["size"] = meta.size;
  if (meta.nfiles !== undefined) data["nfiles"] = meta.nfiles;
  if (meta.isexec === true) data["isexec"] = true;
  if (meta.versionId !== undefined) data["version_id"] = meta.versionId;
  if (meta.etag !== undefined) data["etag"] = meta.etag;
  if (meta.checksum !== undefined) data["checksum"] = meta.checksum;
  if (extra["cloud"] !== undefined) data["cloud"] = extra["cloud"];
  return data;
}

function pathData(
  entry: { readonly isInRepo: boolean; readonly path: string; readonly defPath: string },
  stage: Stage,
): string {
  if (!entry.isInRepo) return entry.defPath;
  const rel = posix(relative(stage.wdir, entry.path));
  return rel === "" ? "." : rel;
}

/** The entry of an output in a `.dvc` file. */
export function outputData(out: Output, stage: Stage): FileData {
  const { annotation, extra } = out;
  const hasFiles = extra["files"] !== undefined;
  const data: FileData = hasFiles ? {} : recordedData(out);
  if (out.hashName !== "md5-dos2unix") data["hash"] = "md5";
  data["path"] = pathData(out, stage);
  if (extra["fs_config"] !== undefined) data["fs_config"] = extra["fs_config"];
  Object.assign(data, annotationData(annotation));
  if (!out.useCache) data["cache"] = false;
  if (!isEmptyValue(out.metric)) data["metric"] = out.metric;
  if (!isEmptyValue(out.plot)) data["plot"] = out.plot;
  if (out.persist) data["persist"] = true;
  if (out.remote !== undefined) data["remote"] = out.remote;
  if (!out.canPush) data["push"] = false;
  if (hasFiles) data["files"] = extra["files"];
  return data;
}

function annotationData(annotation: Output["annotation"]): FileData {
  return withoutEmpty({
    desc: annotation.desc,
    type: annotation.type,
    labels: annotation.labels,
    meta: annotation.meta,
  });
}

/** The entry of a dependency in a `.dvc` file. */
function dependencyData(dep: Dependency, stage: Stage): FileData {
  switch (dep.kind) {
    case "db":
      return { db: dep.extra["db"] };
    case "dataset":
      return { path: dep.defPath, ...dep.extra };
    case "params":
      return { path: dep.defPath, params: dep.locked ?? dep.params };
    case "repo": {
      const { url, rev, revLock, config, remote } = dep.repo;
      return { path: dep.defPath, repo: withoutEmpty({ url, rev, rev_lock: revLock, config, remote }) };
    }
    case "file": {
      const hasFiles = dep.extra["files"] !== undefined;
      const data: FileData = hasFiles ? {} : recordedData(dep);
      if (dep.hashName !== "md5-dos2unix") data["hash"] = "md5";
      data["path"] = pathData(dep, stage);
      if (dep.extra["fs_config"] !== undefined) data["fs_config"] = dep.extra["fs_config"];
      if (hasFiles) data["files"] = dep.extra["files"];
      return data;
    }
  }
}

/** The entry of a stage in dvc.lock (and in the run cache). */
export function lockData(stage: Stage): FileData {
  const deps = stage.deps.filter((dep) => dep.kind !== "params").sort(byPath);
  const data: FileData = { cmd: stage.cmd };
  if (deps.length > 0) data["deps"] = deps.map(lockedEntry);
  const params = lockedParams(stage);
  if (Object.keys(params).length > 0) data["params"] = params;
  if (stage.outs.length > 0) data["outs"] = [...stage.outs].sort(byPath).map(lockedEntry);
  return data;
}

function byPath(a: { readonly defPath: string }, b: { readonly defPath: string }): number {
  return compareCodePoints(a.defPath, b.defPath);
}

function lockedEntry(entry: Output | Dependency): FileData {
  const data: FileData = { path: entry.defPath };
  if ("kind" in entry && entry.kind !== "file") return "extra" in entry ? { ...data, ...entry.extra } : data;
  if (entry.hashName !== "md5-dos2unix") data["hash"] = "md5";
  if (entry.extra["files"] !== undefined) data["files"] = entry.extra["files"];
  else Object.assign(data, recordedData(entry));
  return data;
}

function lockedParams(stage: Stage): FileData {
  const files = stage.deps.filter((dep) => dep.kind === "params" && dep.locked !== undefined).sort(byPath);
  const first = files.filter((dep) => dep.defPath === DEFAULT_PARAMS_FILE);
  const ordered = [...first, ...files.filter((dep) => dep.defPath !== DEFAULT_PARAMS_FILE)];
  const data: FileData = {};
  for (const dep of ordered) {
    if (dep.kind !== "params" || dep.locked === undefined) continue;
    const { locked } = dep;
    data[dep.defPath] = Object.fromEntries(
      Object.keys(locked)
        .sort(compareCodePoints)
        .map((key) => [key, locked[key]]),
    );
  }
  return data;
}

/** The entry of a stage in dvc.yaml, as `stage add` writes it. */
export function projectData(stage: Stage): FileData {
  const outs = [...stage.outs].sort(byPath);
  return withoutEmpty({
    desc: stage.desc,
    cmd: stage.cmd,
    wdir: wdirText(stage),
    deps: stage.deps
      .filter((dep) => dep.kind !== "params")
      .map((dep) => dep.defPath)
      .sort(compareCodePoints),
    params: paramsKeys(stage),
    outs: outs.filter((out) => isEmptyValue(out.plot) && isEmptyValue(out.metric)).map(flaggedPath),
    metrics: outs.filter((out) => isEmptyValue(out.plot) && !isEmptyValue(out.metric)).map(flaggedPath),
    plots: outs.filter((out) => !isEmptyValue(out.plot)).map(flaggedPath),
    frozen: stage.frozen,
    always_changed: stage.alwaysChanged,
    meta: stage.meta,
  });
}

function paramsKeys(stage: Stage): unknown[] {
  let keys: unknown[] = [];
  for (const dep of stage.deps.filter((one) => one.kind === "params").sort(byPath)) {
    if (dep.kind !== "params") continue;
    const sorted = [...dep.params].sort(compareCodePoints);
    if (sorted.length > 0 && dep.defPath === DEFAULT_PARAMS_FILE) keys = [...sorted, ...keys];
    else keys.push({ [dep.defPath]: sorted.length > 0 ? sorted : null });
  }
  return keys;
}

function flaggedPath(out: Output): unknown {
  const flags: FileData = annotationData(out.annotation);
  if (!out.useCache) flags["cache"] = false;
  if (out.persist) flags["persist"] = true;
  if (typeof out.plot === "object" && out.plot !== null) Object.assign(flags, out.plot);
  if (out.remote !== undefined) flags["remote"] = out.remote;
  if (!out.canPush) flags["push"] = false;
  return Object.keys(flags).length === 0 ? out.defPath : { [out.defPath]: flags };
}
