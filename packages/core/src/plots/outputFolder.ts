import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { UnsafePathError } from "../base/errors.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import type { Repo } from "../repo/repo.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** Where the pages of plots go when neither the user nor the config says. */
const DEFAULT_FOLDER = "dvc_plots";

/**
 * The folder for pages and pictures: as asked for, `plots.out_dir` of the config, or `dvc_plots`.
 * @throws {UnsafePathError} when the project's committed config points out of the project
 */
export function plotsFolder(repo: Repo, asked: string | undefined): OsPath {
  const setting = repo.config.lookup("plots", "out_dir");
  const folder = resolve(repo.env.cwd, asked ?? setting?.value ?? DEFAULT_FOLDER);
  if (asked === undefined && setting?.level === "project" && !isInside(repo.root, folder)) {
    throw new UnsafePathError(`plots.out_dir of the project's config leads out of the project: '${folder}'`, {
      hint: "Nothing was written. Name the folder with --out if you trust it.",
    });
  }
  return folder;
}

/** Makes the folder. @throws {UnsafePathError} when a link on the way leads out of the project */
export function makeFolder(repo: Repo, folder: OsPath): void {
  makeFolders(folder);
  if (isInside(repo.root, folder) && !isInside(realpathSync(repo.root), realpathSync(folder))) {
    throw new UnsafePathError(`'${folder}' is a link that leaves the project`, { hint: "Nothing was written there." });
  }
}
