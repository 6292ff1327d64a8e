import { warn, type CallOptions } from "../base/events.ts";
import { StorageError } from "../base/errors.ts";
import type { FileDependency } from "../pipeline/changed.ts";
import type { Repo } from "../repo/repo.ts";
import { shownPath } from "../repo/shown.ts";

/**
 * A dependency on a storage, or the source of an import, with hash and size as they are now; undefined when nothing is there.
 * One on the web that can't be had is told and counts as gone, as in DVC.
 * @throws {StorageError} when any other storage can't be asked
 */
export async function lookAtStorage(
  repo: Repo,
  dep: FileDependency,
  options: CallOptions,
): Promise<FileDependency | undefined> {
  // Loaded when there is such a dependency.
  const { lookAtSource } = await import("./urlImport.ts");
  try {
    return await lookAtSource(repo, dep, options);
  } catch (error) {
    const isOfWeb = error instanceof StorageError && ["http", "https"].includes(error.protocol);
    if (!isOfWeb || error.code === "aborted") throw error;
    warn(options, `${shownPath(repo, dep)}: ${error.message}`);
    return undefined;
  }
}
