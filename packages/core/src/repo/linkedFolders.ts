import { lstatSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DvcError } from "../base/errors.ts";
import { isStrictlyInside, type OsPath } from "../base/paths.ts";
import type { Repo } from "./repo.ts";

/**
 * Refuses to track what is a linked folder, or lies in one below the project's root.
 * @throws {DvcError} with DVC's text.
 */
export function refuseLinkedFolders(repo: Repo, path: OsPath): void {
  const ways: OsPath[] = [];
  for (let at = path; isStrictlyInside(repo.root, at); at = dirname(at)) ways.unshift(at);
  for (const at of ways) {
    const stat = lstatSync(at, { throwIfNoEntry: false });
    // Below a file, or nothing, there is nothing.
    if (stat === undefined || stat.isFile()) return;
    const isFolder = at !== path || statSync(at, { throwIfNoEntry: false })?.isDirectory() === true;
    if (stat.isSymbolicLink() && isFolder) throw linkedFolder();
  }
}

function linkedFolder(): DvcError {
  return new DvcError(
    "Cannot add files inside symlinked directories to DVC. See <https://dvc.org/doc/user-guide/troubleshooting#add-symlink> for more information.",
  );
}
