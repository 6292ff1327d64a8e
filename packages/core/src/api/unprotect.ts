import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { unprotectPath } from "../data/unprotect.ts";
import { loadIndex } from "../repo/index.ts";
import { withRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { resolve } from "node:path";

/** The paths made writable, as given. */
export interface UnprotectResult {
  readonly unprotected: readonly string[];
}

/**
 * Turns linked outputs (or files inside a tracked folder) into writable copies of their own, one target after the other.
 * @throws {DvcError} for a path that is no output.
 */
export async function unprotect(
  repo: Repo,
  targets: readonly string[],
  options: CallOptions = {},
): Promise<UnprotectResult> {
  return withRepoLock(repo, options, async () => {
    const index = loadIndex(repo);
    const unprotected: string[] = [];
    for (const target of targets) {
      const path = resolve(repo.env.cwd, target);
      const isTracked = index.outs.some(
        ({ out }) => out.isLocal && (out.path === path || path.startsWith(`${out.path}/`)),
      );
      if (!isTracked) throw new DvcError(`Unable to find DVC file with output '${target}'`, { code: "not-found" });
      unprotectPath(path);
      unprotected.push(target);
    }
    repo.state.save();
    return Promise.resolve({ unprotected });
  });
}
