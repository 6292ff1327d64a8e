import { basename, relative, resolve } from "node:path";
import picomatch from "picomatch";
import { DvcError } from "../base/errors.ts";
import type { Stage } from "../pipeline/stage.ts";
import type { Repo } from "./repo.ts";
import { isStageFileName, LOCK_FILE, MissingStageError, PROJECT_FILE, StageFiles } from "./stageFiles.ts";

/** A target taken apart: a file of stages, a stage in it, or both. */
export interface ParsedTarget {
  /** As written; undefined when the target names none. */
  readonly file: string | undefined;
  readonly name: string | undefined;
}

/** How stages of a target are found. */
export interface LoadOptions {
  /** Whether the name of a foreach or matrix stands for all its stages. Default true. */
  readonly acceptGroup?: boolean;
  /** Whether the stage's name is a pattern. */
  readonly glob?: boolean;
}

/**
 * Takes a target apart: `path/dvc.yaml:stage`, `x.dvc`, `stage`, `group@key`, `:stage`. A word without a file may as well
 * be a path: `name` then holds all of it.
 * @throws {DvcError} for `dvc.lock`, with the name that was meant.
 */
export function parseTarget(target: string, glob = false): ParsedTarget {
  if (target === "") return { file: undefined, name: undefined };
  if (glob) {
    const colon = target.lastIndexOf(":");
    const name = target.slice(colon + 1);
    return { file: colon > 0 ? target.slice(0, colon) : PROJECT_FILE, name: name === "" ? undefined : name };
  }
  // The key of a generated stage may hold anything, also colons: cut it off first.
  const at = target.indexOf("@");
  const group = at < 0 ? target : target.slice(0, at);
  const key = at < 0 ? "" : target.slice(at + 1);
  const match = /^(.*):([^\\/:]*)$/s.exec(group);
  const path = match === null ? group : (match[1] ?? "");
  let name = match?.[2] === "" ? undefined : match?.[2];
  if (name !== undefined && key !== "") name += `@${key}`;
  if (path === "") return { file: PROJECT_FILE, name };
  if (basename(path) === LOCK_FILE) throw new DvcError(`Did you mean: \`${target.replace(".lock", ".yaml")}\`?`);
  if (name !== undefined) return { file: path, name };
  return isStageFileName(target) ? { file: target, name: undefined } : { file: undefined, name: target };
}

/**
 * The stages that a target names: a stage, a group, a file. Output paths are no such targets.
 * @throws {DvcError} with DVC's texts; code `not-found` when file or stage are not there.
 */
export function loadTargetStages(repo: Repo, target: string, options: LoadOptions = {}): readonly Stage[] {
  return stagesOfTarget(repo, new StageFiles(repo, undefined), target, options);
}

/** The same with files that are already open. */
export function stagesOfTarget(repo: Repo, files: StageFiles, target: string, options: LoadOptions): readonly Stage[] {
  const { file, name } = parseTarget(target, options.glob === true);
  return stagesIn(repo, files, file, name, options);
}

/** The stages of one file (default: `dvc.yaml` of the working folder), or the one or those of a name. */
export function stagesIn(
  repo: Repo,
  files: StageFiles,
  file: string | undefined,
  name: string | undefined,
  options: LoadOptions,
): readonly Stage[] {
  const path = resolve(repo.env.cwd, file ?? PROJECT_FILE);
  files.require(path, file === undefined ? PROJECT_FILE : path);
  if (!path.endsWith(PROJECT_FILE) || basename(path) !== PROJECT_FILE) return files.stagesOf(path);
  if (name === undefined) return files.stagesOf(path);
  const project = files.project(path);
  const isWanted =
    options.glob === true
      ? picomatch(name, { dot: true, nobrace: true, noextglob: true, bash: true })
      : options.acceptGroup !== false && project.isGroup(name)
        ? (one: string) => one.startsWith(`${name}@`)
        : undefined;
  const names = isWanted === undefined ? [name] : project.names().filter((one) => isWanted(one));
  const found = names.flatMap((one) => files.stageOf(path, one) ?? []);
  if (isWanted !== undefined) return found;
  if (found.length === 0) throw new MissingStageError(name, relative(repo.env.cwd, path));
  return found;
}
