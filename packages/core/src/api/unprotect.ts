import { DvcError } from "../base/errors.ts";
import { isInside, isStrictlyInside } from "../base/paths.ts";
import type { CallOptions } from "../base/events.ts";
import { unprotectPath } from "../data/unprotect.ts";
import { withRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { lstatSync } from "node:fs";
import { resolve } from "node:path";

/** The paths made writable, as given. */
export interface UnprotectResult {
  readonly unprotected: readonly string[];
}

/**
 * Turns linked outputs (or files inside a tracked folder) into writable copies of their own, one target after the other.
 * @throws {Error} for a path that is not there.
 */
export async function unprotect(
  repo: Repo,
  targets: readonly string[],
  options: CallOptions = {},
): Promise<UnprotectResult> {
  return withRepoLock(repo, options, () => {
    for (const target of targets) {
      const path = resolve(repo.env.cwd, target);
      if (!isStrictlyInside(repo.root, path) || isInside(repo.dvcDir, path)) {
        throw new DvcError(`'${target}' is outside of the project`, { code: "unsafe-path" });
      }
      // DVC takes any path here, and calls one that is not there an unexpected error.
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
        throw new Error(`can't unprotect non-existing data '${target}'`);
      }
      unprotectPath(path);
    }
    repo.state.save();
    return { unprotected: [...targets] };
  });
}
