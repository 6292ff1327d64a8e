import { realpathSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import { UnsafePathError } from "../base/errors.ts";
import { isInside, isReservedName, type OsPath } from "../base/paths.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { realPath } from "../fs/realPath.ts";
import type { Repo } from "../repo/repo.ts";
import { counts } from "../repo/trust.ts";

/** Where the pages of plots go when neither the user nor the config says. */
const DEFAULT_FOLDER = "dvc_plots";

/**
 * The folder for pages and pictures: as asked for, `plots.out_dir` of the config, or `dvc_plots`.
 * @throws {UnsafePathError} when the committed config of a project that nobody trusts points out of the project, or into `.git`
 */
export function plotsFolder(repo: Repo, asked: string | undefined): OsPath {
  const setting = asked === undefined ? repo.config.lookup("plots", "out_dir") : undefined;
  const folder = resolve(repo.env.cwd, asked ?? setting?.value ?? DEFAULT_FOLDER);
  if (setting === undefined || (isInside(repo.root, folder) && !isReserved(repo, folder))) return folder;
  if (counts(repo, "plots.out_dir", setting.level)) return folder;
  const place = isInside(repo.root, folder) ? "to what is not its own" : "out of the project";
  throw new UnsafePathError(`plots.out_dir of the project's config leads ${place}: '${folder}'`, {
    hint: `Nothing was written. Name the folder with --out, or run '${repo.env.programName} trust' if you trust this project.`,
  });
}

/** Whether a page is opened in the browser without being asked for: `plots.auto_open`, unless only a stranger's config says so. */
export function opensPages(repo: Repo): boolean {
  const setting = repo.config.lookup("plots", "auto_open");
  return setting?.value.toLowerCase() === "true" && counts(repo, "plots.auto_open", setting.level);
}

/** Makes the folder. @throws {UnsafePathError} when a link on the way leads out of the project, or into `.git` or `.dvc` */
export function makeFolder(repo: Repo, folder: OsPath): void {
  if (isInside(repo.root, folder) && leadsElsewhere(repo, folder)) {
    throw new UnsafePathError(`'${folder}' is a link that leaves the project, to '${realPath(folder)}'`, {
      hint: "Nothing was written there. Remove the link, or name another folder with --out.",
    });
  }
  makeFolders(folder);
}

function leadsElsewhere(repo: Repo, folder: OsPath): boolean {
  const [root, real] = [realpathSync(repo.root), realPath(folder)];
  return !isInside(root, real) || (isReserved({ root }, real) && !isReserved(repo, folder));
}

/** Whether a folder of the project lies in `.git` or `.dvc`. */
function isReserved({ root }: { readonly root: OsPath }, folder: OsPath): boolean {
  return relative(root, folder).split(sep).some(isReservedName);
}
