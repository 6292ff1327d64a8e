import { ConfigError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { posixRelative } from "../base/paths.ts";
import type { FileSystem } from "../fs/filesystem.ts";
import type { Output } from "../pipeline/stage.ts";
import type { Repo } from "./repo.ts";
import { openStorageOf, versioningOf } from "./remote.ts";
import { resolveRemote } from "./resolveRemote.ts";

/** A remote that keeps the project's files under their own names, and every version of each. */
export interface VersionedRemote {
  readonly name: string;
  readonly fs: FileSystem;
  readonly jobs: number;
  /** `worktree`: its newest versions are a plain tree that others may change. */
  readonly isWorktree: boolean;
  /** Its folder on the storage. */
  readonly root: string;
  /** Where a file of an output lies; `rel` is "." for an output that is a file. */
  pathOf(out: Output, rel: string): string;
}

/** Whether a remote (the default one without `name`) keeps versions; false also when there is none. */
export function isVersioned(repo: Repo, name: string | undefined): boolean {
  if (name === undefined && repo.config.get("core", "remote") === undefined) return false;
  return versioningOf(resolveRemote(repo, name)) !== undefined;
}

/**
 * Opens a remote with versions.
 * @throws {ConfigError} when it is none, or its storage keeps no versions; {StorageError}
 */
export async function openVersioned(
  repo: Repo,
  name: string | undefined,
  options: CallOptions & { readonly jobs?: number },
): Promise<VersionedRemote> {
  const remote = resolveRemote(repo, name);
  const { fs, root } = await openStorageOf(repo, remote);
  if (!fs.caps.versionIds) {
    await fs.close();
    throw new ConfigError(
      `config file error: the storage of remote '${remote.name}' (${remote.url}) keeps no versions`,
    );
  }
  const base = root.replace(/\/+$/, "");
  const jobs = options.jobs ?? repo.config.integer(`remote.${remote.name.toLowerCase()}`, "jobs");
  return {
    name: remote.name,
    fs,
    jobs: Math.max(1, jobs ?? fs.caps.maxParallel),
    isWorktree: versioningOf(remote) === "worktree",
    root: base,
    pathOf(out, rel) {
      const own = `${base}/${posixRelative(repo.root, out.path)}`;
      return rel === "." ? own : `${own}/${rel}`;
    },
  };
}
