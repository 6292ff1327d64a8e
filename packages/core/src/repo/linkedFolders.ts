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
  const isLink = (at: OsPath): boolean => lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  let linked = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true && isLink(path);
  for (let at = dirname(path); isStrictlyInside(repo.root, at); at = dirname(at)) linked ||= isLink(at);
  if (!linked) return;
  throw new DvcError(
    "Cannot add files inside symlinked directories to DVC. See <https://dvc.org/doc/user-guide/troubleshooting#add-symlink> for more information.",
  );
}
