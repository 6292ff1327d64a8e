import { DvcError } from "../base/errors.ts";
import { isInside, isStrictlyInside, type OsPath } from "../base/paths.ts";
import type { CallOptions } from "../base/events.ts";
import { unprotectPath } from "../data/unprotect.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { isStored, manifestText } from "../repo/keep.ts";
import { note } from "../repo/journal.ts";
import { look } from "../repo/noteData.ts";
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
  return changeRepo(repo, "unprotect", options, async () => {
    for (const target of targets) {
      const path = resolve(repo.env.cwd, target);
      if (!isStrictlyInside(repo.root, path) || isInside(repo.dvcDir, path)) {
        throw new DvcError(`'${target}' is outside of the project`, { code: "unsafe-path" });
      }
      // DVC takes any path here, and calls one that is not there an unexpected error.
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
        throw new Error(`can't unprotect non-existing data '${target}'`);
      }
      await noteLinks(repo, path, options);
      unprotectPath(path, repo.root);
    }
    repo.state.save();
    return { unprotected: [...targets] };
  });
}

/** Links can be made again of what the cache has. */
async function noteLinks(repo: Repo, path: OsPath, options: CallOptions): Promise<void> {
  const held = await look(repo, path, "md5", options);
  if (held?.hasLinks !== true || !isStored(repo, held)) return;
  note(repo, { kind: "links", path, hash: held.hash, isLinked: false, ...manifestText(repo, held) });
}
