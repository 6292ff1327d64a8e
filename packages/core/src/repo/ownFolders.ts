import { type Dirent, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UnsafePathError } from "../base/errors.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { committedLinks, gitAround, isRepository, type TrustedPart } from "./committed.ts";

/** Folders of `.dvc` that we write to; those in them may be links as little. */
const FOLDERS: readonly string[] = ["tmp", "tmp/holdfast", "cache", "cache/files", "cache/files/md5", "cache/runs"];

/** Where a cache has its 256 folders each of objects and of runs. */
const SHARDED: readonly string[] = [".", "files/md5", "runs"];
const SHARD = /^[0-9a-f]{2}$/;

const checked = new WeakSet<TrustedPart>();

/**
 * Makes sure that our folders below `.dvc` are folders, that no committed link leads what we write there elsewhere, and that
 * none of them comes from another repository. Links that the user made are the user's own, so cache and trash may lie on another
 * disk; of the 256 folders of objects nobody makes links, except who shares the cache and means harm.
 * @throws {UnsafePathError}
 */
export function checkOwnFolders(repo: TrustedPart): void {
  if (checked.has(repo)) return;
  const folders = FOLDERS.map((name) => join(repo.dvcDir, name));
  const homes = SHARDED.map((name) => join(repo.cacheDir, name));
  const entries = linksIn(new Set([...folders, ...homes]));
  const own = entries.filter((path) => isInside(repo.dvcDir, path));
  const [first] = committedLinks(repo, [repo.dvcDir, ...folders, ...own]);
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
  const shards = entries.filter((path) => homes.includes(dirname(path)) && SHARD.test(basename(path)));
  const shard = shards.find((path) => leadsOut(path, repo.cacheDir));
  if (shard !== undefined) {
    throw new UnsafePathError(`'${shard}' is a link that leads out of the cache`, {
      hint: "Nothing was written. Put a folder in its place, with the objects that it leads to.",
    });
  }
  const other = folders.find(isSomethingElse);
  if (other !== undefined) throw new UnsafePathError(`'${other}' is not a folder`, { hint: "Nothing was written." });
  checked.add(repo);
}

function leadsOut(link: OsPath, cache: OsPath): boolean {
  try {
    return !isInside(realpathSync(cache), realpathSync(link));
  } catch {
    return true; // broken
  }
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

/** The links among what these folders hold. */
function linksIn(folders: ReadonlySet<OsPath>): OsPath[] {
  return [...folders].flatMap((folder) => {
    let entries: Dirent[];
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch {
      return [];
    }
    return entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => join(folder, name));
  });
}
