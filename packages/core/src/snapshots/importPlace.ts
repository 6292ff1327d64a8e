import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { writeFileAtomic } from "../fs/atomic.ts";
import { openRepoSync } from "../repo/repo.ts";

/** A config, the archive's or the user's, may put the cache elsewhere: this project has its data in its own. */
export function keepOwnCache(env: Environment, project: OsPath, cacheDir: OsPath): void {
  const local = join(project, ".dvc", "config.local");
  if (existsSync(local) || usedCache(env, project) === cacheDir) return;
  writeFileAtomic(local, "[cache]\n    dir = cache\n", { inside: project });
}

function usedCache(env: Environment, project: OsPath): OsPath | undefined {
  const repo = openRepoSync({ ...env, cwd: project });
  try {
    return repo.cacheDir;
  } catch (error) {
    if (error instanceof DvcError) return undefined;
    throw error;
  } finally {
    repo.close();
  }
}

/** Whether nothing but `left`, what a killed run left there, is in a folder; false for what is none. */
export function isEmptyFolder(path: OsPath, left: readonly OsPath[]): boolean {
  if (lstatSync(path).isDirectory()) return readdirSync(path).every((name) => left.includes(join(path, name)));
  return false;
}
