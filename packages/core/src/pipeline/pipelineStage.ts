import { FormatError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { isRecord } from "../formats/pyValues.ts";
import { datasetDependency, stageFolder } from "./dataFile.ts";
import { checkOutputText, locate } from "./location.ts";
import { pythonTypeName } from "./pythonText.ts";
import type { Entry, Recorded } from "./record.ts";
import { nothingRecorded, readAnnotation, readRecorded } from "./record.ts";
import type { ResolvedStage } from "./resolver.ts";
import type { LoadContext } from "./source.ts";
import type { Dependency, Output, Stage } from "./stage.ts";

/** The file of parameters that stands for itself in `params`. */
export const DEFAULT_PARAMS_FILE = "params.yaml";

const PLOT_KEYS = ["template", "x", "y", "x_label", "y_label", "title", "header"] as const;

/** Makes a stage of its resolved entry in dvc.yaml and its entry in dvc.lock. @throws {FormatError}, {UnsafePathError} */
export function stageOfProject(
  file: OsPath,
  resolved: ResolvedStage,
  lock: Entry | undefined,
  context: LoadContext,
): Stage {
  const { name, data } = resolved;
  const wdir = stageFolder(file, data["wdir"]);
  const place: Place = { file, name, wdir, context, lock };
  const cmd = readCommand(data["cmd"], place);
  return {
    file,
    name,
    wdir,
    cmd,
    lockedCmd: lock === undefined ? undefined : (lock["cmd"] as string | readonly string[]),
    deps: [...readDeps(data["deps"], place), ...readParams(data["params"], place)],
    outs: [
      ...readOuts(data["outs"], "outs", place),
      ...readOuts(data["metrics"], "metrics", place),
      ...readOuts(data["plots"], "plots", place),
    ],
    frozen: data["frozen"] === true || data["locked"] === true,
    alwaysChanged: data["always_changed"] === true,
    md5: undefined,
    desc: typeof data["desc"] === "string" ? data["desc"] : undefined,
    meta: data["meta"],
    isGenerated: resolved.generatedFrom !== undefined,
    isParametrized: resolved.isParametrized,
    usedVars: resolved.used,
    isLocked: lock !== undefined,
  };
}

interface Place {
  readonly file: OsPath;
  readonly name: string;
  readonly wdir: OsPath;
  readonly context: LoadContext;
  readonly lock: Entry | undefined;
}

function bad(place: Place, message: string): FormatError {
  return new FormatError(`failed to parse stage '${place.name}' in '${place.file}': ${message}`, { file: place.file });
}

function readCommand(cmd: unknown, place: Place): string | readonly string[] {
  if (typeof cmd === "string") return cmd;
  if (Array.isArray(cmd)) {
    if (cmd.every((one): one is string => typeof one === "string")) return cmd;
    return cmd.map((one: unknown) => (typeof one === "string" ? one : String(one)));
  }
  throw bad(place, `'cmd' is to be a text or a list, got ${pythonTypeName(cmd)}`);
}

function textOf(value: unknown, field: string, place: Place): string {
  if (typeof value === "string" && value !== "") return value;
  throw bad(place, `'${field}' is to hold paths, got ${pythonTypeName(value)}`);
}

/** The record of a path in a list of dvc.lock; the last one counts. */
function lockedEntries(lock: Entry | undefined, field: "deps" | "outs"): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  const list = lock?.[field];
  if (Array.isArray(list)) for (const entry of list as Entry[]) entries.set(String(entry["path"]), entry);
  return entries;
}

function readDeps(list: unknown, place: Place): Dependency[] {
  if (!Array.isArray(list)) return [];
  const locked = lockedEntries(place.lock, "deps");
  return list.map((one: unknown) => {
    const path = textOf(one, "deps", place);
    if (path.startsWith("ds://")) return datasetDependency(path, locked.get(path)?.["dataset"]);
    const location = locate(path, place.wdir, place.context, place.file);
    const recorded = recordedOf(locked.get(location.defPath), location, place);
    return { kind: "file", ...location, ...recorded };
  });
}

function recordedOf(entry: Entry | undefined, location: ReturnType<typeof locate>, place: Place): Recorded {
  return entry === undefined ? nothingRecorded(location) : readRecorded(entry, location, place.file);
}

function readParams(list: unknown, place: Place): Dependency[] {
  if (!Array.isArray(list)) return [];
  const locked = place.lock?.["params"];
  return [...mergeParams(list, place)].map(([path, keys]) => {
    const location = locate(path, place.wdir, place.context, place.file);
    const values: unknown =
      isRecord(locked) && Object.hasOwn(locked, location.defPath) ? locked[location.defPath] : undefined;
    return {
      kind: "params",
      defPath: location.defPath,
      path: location.path,
      isInRepo: location.isInRepo,
      params: keys,
      locked: isRecord(values) ? keep(values, keys) : undefined,
    };
  });
}

function keep(values: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  if (keys.length === 0) return { ...values };
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(values, key)).map((key) => [key, values[key]]));
}

/** Keys per file in the order of the list; a file named as a whole has none. */
function mergeParams(list: readonly unknown[], place: Place): Map<string, string[]> {
  const whole = new Set<string>();
  for (const item of list) {
    if (isRecord(item)) for (const [file, keys] of Object.entries(item)) if (isNothing(keys)) whole.add(file);
  }
  const merged = new Map<string, string[]>();
  const add = (file: string, keys: readonly unknown[]): void => {
    const present = merged.get(file);
    const texts = keys.map((key) => textOf(key, "params", place));
    if (present === undefined) merged.set(file, texts);
    else present.push(...texts);
  };
  for (const item of list) {
    if (typeof item === "string") {
      if (!whole.has(DEFAULT_PARAMS_FILE)) add(DEFAULT_PARAMS_FILE, [item]);
      continue;
    }
    if (!isRecord(item)) throw bad(place, `Only list of str/dict is supported. Got: '${pythonTypeName(item)}'.`);
    for (const [file, keys] of Object.entries(item)) {
      if (whole.has(file)) merged.set(file, []);
      else if (Array.isArray(keys)) add(file, keys);
      else {
        throw bad(place, `Expected list of params for custom params file '${file}', got '${pythonTypeName(keys)}'.`);
      }
    }
  }
  return merged;
}

function isNothing(keys: unknown): boolean {
  return keys === null || keys === undefined || (Array.isArray(keys) && keys.length === 0);
}

function readOuts(list: unknown, field: "outs" | "metrics" | "plots", place: Place): Output[] {
  if (!Array.isArray(list)) return [];
  const locked = lockedEntries(place.lock, "outs");
  return [...mergeOuts(list, field, place)].map(([path, flags]) => {
    const location = locate(path, place.wdir, place.context, place.file);
    checkOutputText(location, place.file, place.context);
    return {
      ...location,
      ...recordedOf(locked.get(location.defPath), location, place),
      useCache: flags["cache"] !== false,
      persist: flags["persist"] === true,
      canPush: flags["push"] !== false,
      remote: typeof flags["remote"] === "string" ? flags["remote"] : undefined,
      metric: field === "metrics",
      plot: field === "plots" ? plotOf(flags) : false,
      annotation: readAnnotation(flags),
    };
  });
}

/** The plot's own keys in the order written, or `true`. */
function plotOf(flags: Entry): unknown {
  const keys = Object.entries(flags).filter(([key]) => (PLOT_KEYS as readonly string[]).includes(key));
  return keys.length === 0 ? true : Object.fromEntries(keys);
}

/** Flags per path; a path listed twice is merged. */
function mergeOuts(list: readonly unknown[], field: string, place: Place): Map<string, Record<string, unknown>> {
  const merged = new Map<string, Record<string, unknown>>();
  const flagsOf = (path: string): Record<string, unknown> => {
    let flags = merged.get(path);
    if (flags === undefined) merged.set(path, (flags = {}));
    return flags;
  };
  for (const item of list) {
    if (!isRecord(item)) {
      flagsOf(textOf(item, field, place));
      continue;
    }
    for (const [path, flags] of Object.entries(item)) {
      if (!isRecord(flags)) throw bad(place, `Expected dict for '${path}', got: '${pythonTypeName(flags)}'`);
      Object.assign(flagsOf(path), flags);
    }
  }
  return merged;
}
