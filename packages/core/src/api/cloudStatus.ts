import { status as compareDbs } from "../odb/remoteStatus.ts";
import { collectRevisions } from "../repo/collectRevisions.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { withRepoLock } from "../repo/locks.ts";
import { collectObjects, nameChildren, type ObjectGroup, partFiles, pushFilter } from "../repo/objects.ts";
import { openRemote, remoteNameOf } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import type { StatusOptions, StatusResult } from "./status.ts";

/**
 * Compares the cache with a remote, every file of every folder, never inferring a file from its manifest.
 * @throws {ConfigError} without a remote.
 */
export async function cloudStatus(
  repo: Repo,
  targets: readonly string[],
  options: StatusOptions,
): Promise<StatusResult> {
  return withRepoLock(repo, { ...options, readOnly: true }, async () => {
    const groups = new Map<string, ObjectGroup>();
    const collected = collectRevisions(repo, targets, options);
    for (const { selected } of collected) collectObjects(repo, selected, pushFilter(options.remote), groups);
    const found: Record<string, "new" | "deleted" | "missing"> = {};
    for (const group of groups.values()) await groupStatus(repo, group, options, found);
    const isEmpty = collected.every(({ index }) => index.stages.length === 0);
    return { kind: "cloud", status: found, remote: remoteNameOf(repo, options.remote), isEmpty };
  });
}

async function groupStatus(
  repo: Repo,
  group: ObjectGroup,
  options: StatusOptions,
  found: Record<string, "new" | "deleted" | "missing">,
): Promise<void> {
  const remote = await openRemote(repo, group.remote ?? options.remote, {
    ...options,
    legacy: group.hashName === "md5-dos2unix",
  });
  const cache = cacheFor(repo, { name: group.hashName, value: "" });
  const parts = [...group.parts.keys()].filter((oid) => !group.dirs.has(oid));
  const files = new Set([...group.files, ...parts.flatMap((oid) => partFiles(repo, group, oid))]);
  const result = await compareDbs(cache, remote, { files, dirs: group.dirs }, options);
  nameChildren(repo, group);
  for (const kind of ["deleted", "new", "missing"] as const) {
    for (const oid of result[kind]) found[group.names.get(oid) ?? oid] = kind;
  }
  await remote.fs.close();
}
