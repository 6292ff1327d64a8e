import { journaled } from "./journal.ts";
import type { LockOptions } from "./lockFile.ts";
import { withRepoLock } from "./locks.ts";
import type { Repo } from "./repo.ts";

/**
 * Runs a verb that changes the project: while this process holds the repository's lock, and with each change noted in the
 * journal of `undo`.
 * @throws {LockError}
 */
export function changeRepo<T>(repo: Repo, verb: string, options: LockOptions, work: () => T | Promise<T>): Promise<T> {
  return withRepoLock(repo, options, () => journaled(repo, verb, work));
}
