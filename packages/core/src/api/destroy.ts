import { rmSync } from "node:fs";
import { join, relative } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { unprotectPaths } from "../data/unprotect.ts";
import { loadIndex } from "../repo/index.ts";
import { withRepoLock } from "../repo/locks.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import type { Repo } from "../repo/repo.ts";
import { isThere } from "../fs/isThere.ts";

export interface DestroyOptions extends CallOptions {
  readonly force?: boolean;
  /** Asked when not `force`; without it the answer is no. */
  readonly confirm?: (question: string) => Promise<boolean>;
}

/** Deleted files and folders relative to the root. */
export interface DestroyResult {
  readonly removed: readonly string[];
}

/**
 * Removes `.dvc`, every stage file and `.dvcignore`. Data in the workspace stays, as writable files of its own; the
 * cache inside `.dvc` goes.
 * @throws {DvcError} without a yes.
 */
export async function destroy(repo: Repo, options: DestroyOptions = {}): Promise<DestroyResult> {
  const question =
    "This will destroy all information about your pipelines, all data files, as well as cache in .dvc/cache.\nAre you sure you want to continue?";
  if (options.force !== true && (await options.confirm?.(question)) !== true) {
    throw new DvcError("cannot destroy without a confirmation from the user. Use `-f` to force.");
  }
  const removed = await withRepoLock(repo, options, () => Promise.resolve(removeStageFiles(repo)));
  repo.close();
  for (const path of [join(repo.root, ".dvcignore"), repo.dvcDir]) {
    if (!isThere(path)) continue;
    rmSync(path, { recursive: true, force: true });
    removed.push(relative(repo.root, path));
  }
  return { removed };
}

function removeStageFiles(repo: Repo): string[] {
  const index = loadIndex(repo);
  const data: OsPath[] = [];
  for (const { stage, out } of index.outs) {
    if (!out.isLocal || !out.useCache) continue;
    checkOutputPath(repo, stage, out);
    if (isThere(out.path)) data.push(out.path);
  }
  // Before the cache goes.
  unprotectPaths(data, repo.root);
  const files = new Set(
    index.stages.flatMap((stage) =>
      stage.name === undefined ? [stage.file] : [stage.file, stage.file.replace(/\.yaml$/, ".lock")],
    ),
  );
  for (const file of files) rmSync(file, { force: true });
  return [...files].map((file) => relative(repo.root, file));
}
