import { isAbsolute, relative, sep } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { isInside } from "../base/paths.ts";
import { withoutSecrets } from "../base/secretText.ts";
import type { Dependency, Output, Stage } from "./stage.ts";

/** Whose view messages take: paths are printed relative to `cwd` when it lies in the project, else to `root`. */
export interface Viewpoint {
  readonly root: OsPath;
  readonly cwd?: OsPath;
}

/** How DVC names a stage: `train` (./dvc.yaml), `dir/dvc.yaml:train`, `data.dvc`; relative to `cwd`. */
export function addressing(stage: Pick<Stage, "file" | "name">, view: Viewpoint): string {
  const file = relative(view.cwd ?? view.root, stage.file);
  if (stage.name === undefined) return file;
  return file === "dvc.yaml" ? stage.name : `${file}:${stage.name}`;
}

/** How DVC names a stage within a sentence: `stage: 'train'`. */
export function stageText(stage: Pick<Stage, "file" | "name">, view: Viewpoint): string {
  return `stage: '${addressing(stage, view)}'`;
}

/** How DVC prints the path of an output or dependency, but for what logs in to a storage. */
export function entryText(entry: Output | Dependency, view: Viewpoint): string {
  if ("kind" in entry) {
    if (entry.kind === "repo") return `${entry.defPath} (${withoutSecrets(entry.repo.url)})`;
    if (entry.kind === "dataset" || entry.kind === "db") return entry.defPath;
    if (entry.kind === "file" && !entry.isLocal) return withoutSecrets(entry.defPath);
  } else if (!entry.isLocal) return withoutSecrets(entry.defPath);
  if (isAbsolute(entry.defPath) || entry.defPath.startsWith("remote://")) return entry.defPath;
  return pathText(entry.path, view);
}

/** A local path as DVC prints it: absolute outside the project. */
export function pathText(path: OsPath, view: Viewpoint): string {
  if (!isInside(view.root, path)) return path;
  const cwd = view.cwd ?? view.root;
  const from = isInside(view.root, cwd) ? cwd : view.root;
  const text = relative(from, path);
  return text === "" ? "." : text;
}

/** A file as DVC's messages about its contents name it: `./data.dvc`, `../dvc.yaml`. */
export function fileText(file: OsPath, view: Viewpoint): string {
  const text = relative(view.cwd ?? view.root, file);
  return text.startsWith("..") || isAbsolute(text) ? text : `.${sep}${text}`;
}
