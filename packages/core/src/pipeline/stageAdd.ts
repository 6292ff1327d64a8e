import { statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { DvcError, GraphError, UsageError } from "../base/errors.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { locate, posix } from "./location.ts";
import { checkStage } from "./graph.ts";
import { DEFAULT_PARAMS_FILE, stageOfProject } from "./pipelineStage.ts";
import type { LoadContext } from "./source.ts";
import type { Output, Stage } from "./stage.ts";

/** A stage as somebody asks for it. Paths are relative to `wdir`. */
export interface StageDefinition {
  readonly name: string;
  /** One command line. */
  readonly cmd: string;
  readonly deps?: readonly string[];
  /** `[file:]key,key`, `file:` for a whole file. */
  readonly params?: readonly string[];
  readonly outs?: readonly string[];
  readonly outsNoCache?: readonly string[];
  readonly outsPersist?: readonly string[];
  readonly outsPersistNoCache?: readonly string[];
  readonly metrics?: readonly string[];
  readonly metricsNoCache?: readonly string[];
  readonly plots?: readonly string[];
  readonly plotsNoCache?: readonly string[];
  /** Folder in which the command runs, relative to the working folder. */
  readonly wdir?: string;
  readonly alwaysChanged?: boolean;
  readonly desc?: string;
}

/**
 * Makes the stage that a definition asks for, to be written to the dvc.yaml of the working folder. Nothing is read but
 * what is at `wdir`.
 * @throws {DvcError} in DVC's words: a bad name, no command, a `wdir` that is no folder of the project, paths given twice.
 */
export function stageOfDefinition(definition: StageDefinition, folder: OsPath, context: LoadContext): Stage {
  if (definition.cmd.trim() === "") throw new UsageError("command is not specified");
  checkName(definition.name);
  const wdir = resolve(folder, definition.wdir ?? ".");
  checkFolder(wdir, definition.wdir !== undefined && definition.wdir !== "", context.root);
  checkFolder(folder, false, context.root);
  refuseRepeated(definition, wdir, context);
  const data = entryOf(definition, posix(relative(folder, wdir)));
  const resolved = {
    name: definition.name,
    data,
    generatedFrom: undefined,
    isParametrized: false,
    used: new Map(),
  };
  const stage = stageOfProject(join(folder, "dvc.yaml"), resolved, undefined, context);
  checkStage(stage);
  return stage;
}

function checkName(name: string): void {
  if (name === "") throw new UsageError("`-n|--name` is required");
  if (/[!"#$%&'()*+,./:;<=>?@[\\\]^`{|}~]/.test(name)) {
    throw new UsageError("Stage name cannot contain punctuation characters.");
  }
}

function checkFolder(path: OsPath, isWdir: boolean, root: OsPath): void {
  const what = `${isWdir ? "stage working dir" : "file path"} '${path}'`;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new DvcError(`${what} does not exist`, { code: "not-found" });
  if (!stat.isDirectory()) throw new DvcError(`${what} is not directory`);
  if (!isInside(root, path)) throw new DvcError(`${what} is outside of DVC repo`, { code: "unsafe-path" });
}

const OUT_FIELDS = [
  "outsPersist",
  "outsPersistNoCache",
  "metrics",
  "metricsNoCache",
  "plots",
  "plotsNoCache",
  "outsNoCache",
  "outs",
] as const;

/** Entries of one list of dvc.yaml are merged by path: a path given twice would go unseen later. */
function refuseRepeated(definition: StageDefinition, wdir: OsPath, context: LoadContext): void {
  const seen = new Set<string>();
  for (const written of OUT_FIELDS.flatMap((field) => definition[field] ?? [])) {
    const { path } = locate(written, wdir, context);
    if (seen.has(path)) throw new GraphError(`file '${path}' is specified more than once.`);
    seen.add(path);
  }
}

/** The definition as an entry of dvc.yaml. */
function entryOf(definition: StageDefinition, wdir: string): Record<string, unknown> {
  const flagged = (paths: readonly string[] = [], flags: Record<string, boolean>): unknown[] =>
    paths.map((path) => ({ [path]: flags }));
  return {
    cmd: definition.cmd,
    ...(wdir === "" ? {} : { wdir }),
    ...(definition.desc === undefined || definition.desc === "" ? {} : { desc: definition.desc }),
    deps: [...(definition.deps ?? [])],
    params: paramsOf(definition.params ?? []),
    outs: [
      ...flagged(definition.outsPersist, { persist: true }),
      ...flagged(definition.outsPersistNoCache, { persist: true, cache: false }),
      ...flagged(definition.outsNoCache, { cache: false }),
      ...(definition.outs ?? []),
    ],
    metrics: [...(definition.metrics ?? []), ...flagged(definition.metricsNoCache, { cache: false })],
    plots: [...(definition.plots ?? []), ...flagged(definition.plotsNoCache, { cache: false })],
    always_changed: definition.alwaysChanged === true,
  };
}

/** `[file:]a,b` -> keys by file, in the order of the files. */
function paramsOf(written: readonly string[]): Record<string, string[]>[] {
  const byFile = new Map<string, string[]>();
  for (const one of written) {
    const colon = one.lastIndexOf(":");
    const file = colon > 0 ? one.slice(0, colon) : DEFAULT_PARAMS_FILE;
    const keys = one
      .slice(colon + 1)
      .split(",")
      .filter((key) => key !== "");
    byFile.set(file, [...(byFile.get(file) ?? []), ...keys]);
  }
  return [...byFile].map(([file, keys]) => ({ [file]: keys }));
}

/**
 * The stage with what DVC carries over from the one of the same name that it replaces: `desc`, `meta`, and the notes,
 * `remote` and `push` of outputs that stay.
 */
export function withKeptFields(stage: Stage, old: Stage | undefined): Stage {
  if (old === undefined) return stage;
  const before = new Map(old.outs.map((out): [string, Output] => [out.defPath, out]));
  const outs = stage.outs.map((out) => {
    const kept = before.get(out.defPath);
    return kept === undefined
      ? out
      : { ...out, annotation: kept.annotation, remote: kept.remote, canPush: kept.canPush };
  });
  return { ...stage, desc: old.desc, meta: old.meta, outs };
}
