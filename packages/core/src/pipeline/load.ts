import { dirname, join, relative } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { parseDvcFile } from "../formats/dvcFile.ts";
import { parseLockfile } from "../formats/lockfile.ts";
import { parseProjectFile } from "../formats/projectFile.ts";
import { isRecord } from "../formats/pyValues.ts";
import { stageOfDvcFile } from "./dataFile.ts";
import { fileText } from "./display.ts";
import { stageOfProject } from "./pipelineStage.ts";
import type { Entry } from "./record.ts";
import { ProjectResolver } from "./resolver.ts";
import type { FileSource, LoadContext } from "./source.ts";
import type { Stage } from "./stage.ts";

/**
 * Reads one `.dvc` file. `file` is absolute.
 * @throws {FormatError} when the text does not fit, {UnsafePathError} for outputs no tool may write,
 * {DvcError} when the file is missing.
 */
export function loadDvcFile(file: OsPath, source: FileSource, context: LoadContext): Stage {
  const text = requireText(file, source);
  // An empty file is a stage without outputs.
  const data = text.trim() === "" ? {} : (parseDvcFile(text, fileText(file, context)) as Entry);
  return stageOfDvcFile(file, data, context);
}

/**
 * Reads all stages of a dvc.yaml joined with its dvc.lock, in the order of the file; templates, foreach and matrix resolved.
 * @throws {FormatError}, {UnsafePathError}, {DvcError} as `loadDvcFile`.
 */
export function loadProjectFile(file: OsPath, source: FileSource, context: LoadContext): Stage[] {
  return [...loadProject(file, source, context).stages()];
}

/** One dvc.yaml. Stages are resolved when asked for. */
export interface ProjectView {
  readonly file: OsPath;
  /** Names of all stages, generated ones included, in the order of the file. */
  names(): string[];
  /** Whether `name` is a foreach or matrix. */
  isGroup(name: string): boolean;
  /** One stage; undefined when there is none of that name. */
  stage(name: string): Stage | undefined;
  stages(): Generator<Stage>;
  /** Top-level lists, resolved: paths, or mappings as written. */
  section(section: "datasets" | "metrics" | "params" | "plots"): unknown[];
  artifacts(): Record<string, unknown>;
  /** Resolves all that is on the top level: whoever reads all files is told of what can't be. @throws {FormatError} */
  checkTop(): void;
  /** `datasets` of dvc.lock. */
  readonly datasetLocks: readonly Entry[];
}

/** Opens a dvc.yaml and its dvc.lock without resolving stages yet. @throws {FormatError}, {DvcError} */
export function loadProject(file: OsPath, source: FileSource, context: LoadContext): ProjectView {
  const parse = (): Entry => parseProjectFile(requireText(file, source), fileText(file, context)) as Entry;
  const data = context.parsed === undefined ? parse() : context.parsed.read(file, parse);
  const lock = readLock(join(dirname(file), "dvc.lock"), source, context);
  const locks = isRecord(lock["stages"]) ? (lock["stages"] as Record<string, Entry>) : {};
  const resolver = new ProjectResolver(file, data, source, context);
  const stage = (name: string): Stage | undefined => {
    const resolved = resolver.stage(name);
    if (resolved === undefined) return undefined;
    return stageOfProject(file, resolved, Object.hasOwn(locks, name) ? locks[name] : undefined, context);
  };
  return {
    file,
    names: () => resolver.names(),
    isGroup: (name) => resolver.isGroup(name),
    stage,
    *stages() {
      for (const name of resolver.names()) {
        const one = stage(name);
        // A value with an "@" in it makes a name that is taken apart at the wrong place.
        if (one === undefined) {
          const shown = relative(context.cwd ?? context.root, file);
          throw new DvcError(`Stage '${name}' not found inside '${shown}' file`, { code: "not-found" });
        }
        yield one;
      }
    },
    section: (section) => resolver.section(section),
    artifacts: () => resolver.artifacts(),
    checkTop() {
      for (const section of ["metrics", "plots", "params"] as const) resolver.section(section);
      resolver.artifacts();
      resolver.section("datasets");
    },
    datasetLocks: Array.isArray(lock["datasets"]) ? (lock["datasets"] as Entry[]) : [],
  };
}

function readLock(file: OsPath, source: FileSource, context: LoadContext): Entry {
  const parse = (): Entry => {
    const text = source.readText(file);
    return text === undefined ? {} : (parseLockfile(text, fileText(file, context)) as unknown as Entry);
  };
  return context.parsed === undefined ? parse() : context.parsed.read(file, parse);
}

function requireText(file: OsPath, source: FileSource): string {
  const text = source.readText(file);
  if (text === undefined) throw new DvcError(`'${file}' does not exist`, { code: "not-found" });
  return text;
}
