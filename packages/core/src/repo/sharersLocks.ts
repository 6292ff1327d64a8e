import { accessSync, constants } from "node:fs";
import { mayLock } from "./fileLock.ts";
import { type LockOptions, lockPath, usesHardlinks } from "./lockFile.ts";
import { withRepoLock } from "./locks.ts";
import { openRepoSync, type Repo } from "./repo.ts";
import { isSameCache, registeredProjects, withCacheGuard } from "./sharedCache.ts";

/**
 * Runs `work` while the locks of this project, of `others` and of all that share the cache are held, as far as their lock files
 * can be opened from here; and the cache's guard: the list doesn't grow meanwhile, and nobody else of those who share the cache
 * waits for several locks. Who holds the project's lock already must have taken the guard before it.
 * @throws {LockError}
 */
export function withSharersLocks<T>(
  repo: Repo,
  others: readonly Repo[],
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  return withCacheGuard(repo, options, () => withRepoLocks([...lockableSharers(repo), ...others, repo], options, work));
}

/**
 * Runs `work` while the locks of all these projects are held, taken in the order of their paths. Of two that are the same the
 * later counts.
 * @throws {LockError}
 */
export function withRepoLocks<T>(repos: readonly Repo[], options: LockOptions, work: () => Promise<T>): Promise<T> {
  const ordered = [...new Map(repos.map((one) => [one.root, one])).values()];
  ordered.sort((a, b) => (a.root < b.root ? 1 : -1));
  return ordered.reduce((inner, one) => () => withRepoLock(one, options, inner), work)();
}

/** None is made: it would belong to the wrong user. What cannot be opened is left to who collects what is needed, and names it. */
function lockableSharers(repo: Repo): Repo[] {
  return registeredProjects(repo).flatMap(({ root, state }) => {
    if (state !== "there") return [];
    try {
      const sharer = openRepoSync({ ...repo.env, cwd: root });
      if (usesHardlinks(sharer)) accessSync(sharer.tmpDir, constants.W_OK);
      else if (!mayLock(lockPath(sharer))) return [];
      return isSameCache(sharer, repo) ? [sharer] : [];
    } catch {
      return [];
    }
  });
}
