import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import type { Stage } from "../pipeline/stage.ts";
import type { Repo } from "./repo.ts";

/** Whether `url` is a path as opposed to a URL or `user@host:path`. */
export function isLocalUrl(url: string): boolean {
  return !/^[\w+.-]+:\/\//.test(url) && !/^[\w.-]+@[\w.-]+:/.test(url);
}

/**
 * The URL of an import as it can be used from where the user is. DVC stores a relative path as it was typed: it counts
 * from where `import` was run, often the file's folder or the root. In a copy of a repository also from where the user is, or
 * from where the original lies.
 */
export function usableUrl(repo: Repo, stage: Pick<Stage, "wdir">, url: string): string {
  if (!isLocalUrl(url) || isAbsolute(url)) return url;
  const folders = [repo.env.cwd, stage.wdir, repo.root, ...(repo.env.bases ?? [])];
  return folders.map((folder) => resolve(folder, url)).find((path) => existsSync(path)) ?? url;
}
