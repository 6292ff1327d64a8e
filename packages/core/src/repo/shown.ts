import type { OsPath } from "../base/paths.ts";
import type { CallOptions } from "../base/events.ts";
import { addressing, entryText, pathText, stageText, type Viewpoint } from "../pipeline/display.ts";
import type { Dependency, Output, Stage } from "../pipeline/stage.ts";
import type { SaveOptions } from "../pipeline/save.ts";
import { noteText } from "./journal.ts";
import type { Repo } from "./repo.ts";

/** A local path as DVC shows it: relative to the working folder when that is inside the project, else to the root. */
export function shownLocal(repo: Repo, path: OsPath): string {
  return pathText(path, { root: repo.root, cwd: repo.env.cwd });
}

/** An output or a dependency as DVC shows it. */
export function shownPath(repo: Repo, entry: Output | Dependency): string {
  return entryText(entry, { root: repo.root, cwd: repo.env.cwd });
}

/** `train`, `dir/dvc.yaml:train` or `data.dvc`, relative to the working folder. */
export function addressOf(repo: Repo, stage: Stage): string {
  return addressing(stage, { root: repo.root, cwd: repo.env.cwd });
}

/** `stage: 'x.dvc'`, as DVC's messages name a stage. */
export function shownStage(repo: Repo, stage: Stage): string {
  return stageText(stage, { root: repo.root, cwd: repo.env.cwd });
}

/** Where the user stands, for whatever prints paths, and who notes changes of pointer files; carries `options` on. */
export function viewOf<T extends CallOptions>(repo: Repo, options: T): T & Viewpoint & Pick<SaveOptions, "changing"> {
  return {
    ...options,
    root: repo.root,
    cwd: repo.env.cwd,
    changing: (file, before, after) => {
      noteText(repo, file, before, after);
    },
  };
}
