import { dirname, join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { checkOutputText, checkWritten, locate } from "./location.ts";
import type { Entry } from "./record.ts";
import { readAnnotation, readRecorded } from "./record.ts";
import type { LoadContext } from "./source.ts";
import type { Dependency, Output, RepoSource, Stage } from "./stage.ts";

/** Makes a stage of a parsed and checked `.dvc` file. */
export function stageOfDvcFile(file: OsPath, data: Entry, context: LoadContext): Stage {
  const wdir = stageFolder(file, data["wdir"]);
  return {
    file,
    name: undefined,
    wdir,
    cmd: undefined,
    lockedCmd: undefined,
    deps: entriesOf(data["deps"]).map((entry) => readDependency(entry, file, wdir, context)),
    outs: entriesOf(data["outs"]).map((entry) => readOutput(entry, file, wdir, context)),
    frozen: data["frozen"] === true || data["locked"] === true,
    alwaysChanged: data["always_changed"] === true,
    md5: typeof data["md5"] === "string" ? data["md5"].toLowerCase() : undefined,
    desc: typeof data["desc"] === "string" ? data["desc"] : undefined,
    meta: data["meta"],
    isGenerated: false,
    isParametrized: false,
    usedVars: new Map(),
    isLocked: true,
  };
}

/** Folder that the paths of a stage are relative to. `wdir` is as written, relative to the file's folder. */
export function stageFolder(file: OsPath, wdir: unknown): OsPath {
  const folder = dirname(file);
  if (typeof wdir !== "string" || wdir === "" || wdir === ".") return folder;
  checkWritten(wdir, "wdir", file);
  const joined = wdir.startsWith("/") ? wdir : join(folder, wdir);
  return joined.length > 1 && joined.endsWith("/") ? joined.slice(0, -1) : joined;
}

function entriesOf(list: unknown): readonly Entry[] {
  return Array.isArray(list) ? (list as Entry[]) : [];
}

function readOutput(entry: Entry, file: OsPath, wdir: OsPath, context: LoadContext): Output {
  if (typeof entry["path"] !== "string") throw new DvcError(`an output without a path in '${file}'`);
  const location = locate(entry["path"], wdir, context, file);
  checkOutputText(location, file, context);
  return {
    ...location,
    ...readRecorded(entry, location, file),
    useCache: entry["cache"] !== false,
    persist: entry["persist"] === true,
    canPush: entry["push"] !== false,
    remote: typeof entry["remote"] === "string" ? entry["remote"] : undefined,
    metric: entry["metric"] ?? false,
    plot: entry["plot"] ?? false,
    annotation: readAnnotation(entry),
  };
}

function readDependency(entry: Entry, file: OsPath, wdir: OsPath, context: LoadContext): Dependency {
  const db = entry["db"];
  if (db !== undefined) {
    const { query, table } = db as Record<string, string | undefined>;
    return { kind: "db", defPath: shorten(query ?? table ?? "", 50), extra: entry };
  }
  if (typeof entry["path"] !== "string") throw new DvcError(`a dependency without a path in '${file}'`);
  const path = entry["path"];
  checkWritten(path, "path", file);
  const repo = entry["repo"];
  if (repo !== undefined)
    return { kind: "repo", defPath: path, repo: readRepo(repo as Entry), extra: withoutRepo(entry) };
  if (path.startsWith("ds://")) return datasetDependency(path, entry["dataset"]);
  const location = locate(path, wdir, context, file);
  return { kind: "file", ...location, ...readRecorded(entry, location, file) };
}

/** A dependency on a data set of dvc.yaml; `locked` is its record in dvc.lock. */
export function datasetDependency(path: string, locked: unknown): Dependency {
  const name = path.slice("ds://".length).split("/")[0] ?? "";
  return { kind: "dataset", defPath: path, name, extra: locked === undefined ? {} : { dataset: locked } };
}

function readRepo(repo: Entry): RepoSource {
  const source: { -readonly [K in keyof RepoSource]: RepoSource[K] } = { url: String(repo["url"]) };
  if (isText(repo["rev"])) source.rev = repo["rev"];
  if (isText(repo["rev_lock"])) source.revLock = repo["rev_lock"];
  if (repo["config"] !== undefined) source.config = repo["config"];
  if (repo["remote"] !== undefined) source.remote = repo["remote"];
  return source;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function withoutRepo(entry: Entry): Entry {
  return Object.fromEntries(Object.entries(entry).filter(([key]) => key !== "repo" && key !== "path"));
}

function shorten(text: string, length: number): string {
  const letters = Array.from(text);
  return letters.length > length ? `${letters.slice(0, length - 1).join("")}…` : text;
}
