import { warn } from "../base/events.ts";
import { status as compareDbs } from "../odb/remoteStatus.ts";
import { collectRevisions } from "../repo/collectRevisions.ts";
import { DvcError } from "../base/errors.ts";
import { isImport } from "../pipeline/stage.ts";
import { cacheFor, type StageOutput } from "../repo/dataRoots.ts";
import { readManifest } from "../repo/manifests.ts";
import { withRepoLock } from "../repo/locks.ts";
import {
  collectObjects,
  isPushed,
  selectedOutputs,
  nameChildren,
  type ObjectGroup,
  partFiles,
  pushFilter,
} from "../repo/objects.ts";
import { readBack } from "../repo/readBack.ts";
import { openRemote, remoteNameOf } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import { unmadeText } from "../repo/unmade.ts";
import type { CloudState, StatusOptions, StatusResult } from "./statusTypes.ts";

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
    const collected = collectRevisions(repo, targets, { ...options, strict: true });
    for (const { selected } of collected) {
      for (const one of selectedOutputs(selected)) {
        if (!isPushed(one)) continue;
        // An import that was only noted comes from its source.
        if (one.out.hash === undefined && isImport(one.stage)) continue;
        if (one.out.hash === undefined) warn(options, unmadeText(repo, one));
        else await learnManifest(repo, one, options);
      }
      collectObjects(repo, selected, pushFilter(options.remote), groups);
    }
    const found: Record<string, CloudState> = {};
    for (const group of groups.values()) await groupStatus(repo, group, options, found);
    const isEmpty = collected.every(({ index }) => index.stages.length === 0);
    return { kind: "cloud", status: found, remote: remoteNameOf(repo, options.remote), isEmpty };
  });
}

async function groupStatus(
  repo: Repo,
  group: ObjectGroup,
  options: StatusOptions,
  found: Record<string, CloudState>,
): Promise<void> {
  const remote = await openRemote(repo, group.remote ?? options.remote, {
    ...options,
    for: "status",
    legacy: group.hashName === "md5-dos2unix",
  });
  const cache = cacheFor(repo, { name: group.hashName, value: "" });
  const parts = [...group.parts.keys()].filter((oid) => !group.dirs.has(oid));
  const files = new Set([...group.files, ...parts.flatMap((oid) => partFiles(repo, group, oid))]);
  const result = await compareDbs(cache, remote, { files, dirs: group.dirs }, options);
  if (result.deleted.length + result.new.length + result.missing.length > 0) nameChildren(repo, group);
  for (const kind of ["deleted", "new", "missing"] as const) {
    for (const oid of result[kind]) found[group.names.get(oid) ?? oid] = kind;
  }
  if (options.deep === true) {
    const { bad } = await readBack(repo, remote, [...result.ok, ...result.deleted], options);
    if (bad.length > 0) nameChildren(repo, group);
    for (const { oid } of bad) found[group.names.get(oid) ?? oid] = "damaged";
  }
  await remote.fs.close();
}

/** Without its manifest a folder's files are unknown: it is fetched when the remote has it, as DVC does. */
async function learnManifest(repo: Repo, one: StageOutput, options: StatusOptions): Promise<void> {
  try {
    await readManifest(repo, one, options);
  } catch (error) {
    if (!(error instanceof DvcError) || error.code === "unsafe-path" || error.code === "format") throw error;
  }
}
