import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { UnsafePathError } from "../base/errors.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { committedLinks, gitAround, isRepository, type TrustedPart } from "./committed.ts";

/** Folders of `.dvc` that we write to; those in them may be links as little. */
const FOLDERS: readonly string[] = ["tmp", "tmp/holdfast", "cache", "cache/files", "cache/files/md5", "cache/runs"];

const checked = new WeakSet<TrustedPart>();

/**
 * Makes sure that our folders below `.dvc` are folders, that no committed link leads what we write there elsewhere, and that none of them comes from another repository; links that the user
 * made are the user's own.
 * @throws {UnsafePathError}
 */
export function checkOwnFolders(repo: TrustedPart): void {
  if (checked.has(repo)) return;
  const folders = FOLDERS.map((name) => join(repo.dvcDir, name));
  const entries = folders.flatMap((folder) => namesOfLinks(folder).map((name) => join(folder, name)));
  const [first] = committedLinks(repo, [repo.dvcDir, ...folders, ...entries]);
  if (first !== undefined) {
    throw new UnsafePathError(`'${first}' is a link that was committed to Git`, {
      hint: "Nothing was written. Remove it from Git if it is yours: `git rm --cached`.",
    });
  }
  const module = [repo.dvcDir, ...folders].find(isRepository) ?? submoduleIn(repo);
  if (module !== undefined) {
    throw new UnsafePathError(`'${module}' is a Git repository within this one`, {
      hint: "Nothing was written. What another repository holds can't be our own state: remove it, and `git rm` it if it is a submodule.",
    });
  }
  const other = folders.find(isSomethingElse);
  if (other !== undefined) throw new UnsafePathError(`'${other}' is not a folder`, { hint: "Nothing was written." });
  checked.add(repo);
}

/** A submodule anywhere below `.dvc` that is there. */
function submoduleIn(repo: TrustedPart): OsPath | undefined {
  const modules = gitAround(repo)?.submodules() ?? [];
  return modules.find((module) => isInside(repo.dvcDir, module) && isRepository(module));
}

function isSomethingElse(path: OsPath): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function namesOfLinks(folder: OsPath): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => name);
}
