import type { CallOptions } from "../base/events.ts";
import { CorruptObjectError, DvcError, UsageError } from "../base/errors.ts";
import type { RemoteDb } from "../odb/remoteDb.ts";
import { reportTransfer, type Transferred } from "../repo/transferReport.ts";
import { upload } from "../odb/transfer.ts";
import { type CollectOptions, collectRevisions } from "../repo/collectRevisions.ts";
import { cacheFor, keepManifests } from "../repo/dataRoots.ts";
import { expandGlobs } from "../repo/glob.ts";
import type { Selected } from "../repo/index.ts";
import {
  collectObjects,
  isPushed,
  nameChildren,
  type ObjectGroup,
  objectsOf,
  partFiles,
  pushFilter,
  selectedOutputs,
} from "../repo/objects.ts";
import { resolveRemote } from "../repo/resolveRemote.ts";
import { readBack } from "../repo/readBack.ts";
import { openRemote } from "../repo/remote.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { pushRuns } from "../repo/runCache.ts";
import { isVersioned } from "../repo/versionedRemote.ts";
import { VersionedOutputs } from "../repo/versionedOutputs.ts";

/** So many objects are named in a message. */
const MOST_NAMED = 20;

export interface PushOptions extends CallOptions, CollectOptions {
  /** Name of the remote; the default one when not given. */
  readonly remote?: string;
  readonly jobs?: number;
  /** Upload the run cache too. */
  readonly runCache?: boolean;
  /** Targets are shell patterns of files. */
  readonly glob?: boolean;
  /** Afterwards read every object of the targets back from the remote and hash it. */
  readonly verify?: boolean;
}

/** `pushed` counts objects, manifests and run cache files among them; `bytes` what was sent; `verified` the objects read back. */
export interface PushResult {
  readonly pushed: number;
  readonly bytes: number;
  readonly verified?: number;
}

/**
 * Uploads what the remote lacks: the files of each folder first, its manifest when all of them are there.
 * @throws {ConfigError} without a remote; {DvcError} when objects could not be sent (the others were)
 * @example const { pushed } = await push(repo, [], { jobs: 16 })
 */
export async function push(
  repo: Repo,
  targets: readonly string[] = [],
  options: PushOptions = {},
): Promise<PushResult> {
  return changeRepo(repo, "push", options, async () => {
    const keepsVersions = isVersioned(repo, options.remote);
    if (keepsVersions) refuseRevisions(options);
    const runs =
      options.runCache === true && !keepsVersions
        ? await pushRuns(repo, await openRemote(repo, options.remote, options), options)
        : 0;
    const names = options.glob === true ? expandGlobs(repo, targets) : targets;
    const groups = new Map<string, ObjectGroup>();
    const collected = collectRevisions(repo, names, { ...options, needed: "named" });
    const filter = pushFilter(options.remote);
    const versioned = new VersionedOutputs(repo, options.remote);
    for (const { selected } of collected)
      collectObjects(repo, selected, (one) => filter(one) && !versioned.has(one), groups);
    const total: Transferred & { verified: number } = { count: 0, bytes: 0, failed: 0, verified: 0 };
    for (const group of groups.values()) await pushGroup(repo, group, options, total);
    for (const [name, outs] of versioned.byRemote(collected[0]?.selected ?? [], filter)) {
      const { pushVersioned } = await import("./pushVersioned.ts");
      await pushVersioned(repo, name, outs, options, total);
    }
    requireRemotes(repo, collected[0]?.selected ?? [], options);
    if (total.failed > 0) throw new DvcError(`${String(total.failed)} files failed to upload`, { code: "storage" });
    const verified = options.verify === true ? { verified: total.verified } : {};
    return { pushed: total.count + runs, bytes: total.bytes, ...verified };
  });
}

/** A push without a place to push to fails, even when there is nothing yet. @throws {ConfigError} */
function requireRemotes(repo: Repo, selected: readonly Selected[], { remote }: PushOptions): void {
  const outs = selectedOutputs(selected).filter((one) => one.out.isInRepo && isPushed(one));
  const names = new Set(outs.map(({ out }) => out.remote));
  for (const name of names.size === 0 ? [undefined] : names) resolveRemote(repo, name ?? remote);
}

/** Names lead to one version each: only the workspace's files can go there. */
function refuseRevisions({ allBranches, allTags, allCommits, revs }: PushOptions): void {
  if (allBranches === true || allTags === true || allCommits === true || (revs?.length ?? 0) > 0)
    throw new UsageError("Multiple rev push is unsupported for cloud versioned remotes");
}

async function pushGroup(
  repo: Repo,
  group: ObjectGroup,
  options: PushOptions,
  total: Transferred & { verified: number },
): Promise<void> {
  const remote = await openRemote(repo, group.remote ?? options.remote, {
    ...options,
    legacy: group.hashName === "md5-dos2unix",
  });
  try {
    const cache = cacheFor(repo, { name: group.hashName, value: "" });
    const whole = await upload(cache, remote, { files: group.files, dirs: group.dirs }, options);
    reportTransfer(repo, whole, group, total, options);
    keepManifests(repo, group.hashName, [...group.dirs, ...group.parts.keys()]);
    for (const oid of group.parts.keys()) {
      if (group.dirs.has(oid)) continue;
      // A part of a folder: its files alone. Without the manifest nobody knows them, which the upload of the whole tells.
      const isKnown = cache.readTree(oid) !== undefined;
      const wanted = isKnown
        ? { files: new Set(partFiles(repo, group, oid)), dirs: new Set<string>() }
        : { files: new Set<string>(), dirs: new Set([oid]) };
      const part = await upload(cache, remote, wanted, options);
      reportTransfer(repo, part, group, total, options);
    }
    if (options.verify === true && total.failed === 0) {
      const { sound, bad, missing } = await readBack(repo, remote, objectsOf(repo, group), options);
      total.verified += sound;
      refuseDamaged(repo, remote, group, [...bad.map(({ oid }) => oid), ...missing]);
    }
  } finally {
    await remote.fs.close();
  }
}

/** @throws {CorruptObjectError} when the remote does not hold what was asked to be verified. */
function refuseDamaged(repo: Repo, remote: RemoteDb, group: ObjectGroup, oids: readonly string[]): void {
  const [first] = oids;
  if (first === undefined) return;
  nameChildren(repo, group);
  const names = oids.map((oid) => `\n  ${group.names.get(oid) ?? oid} (${remote.fs.url(remote.pathOf(oid))})`);
  const shown = names.slice(0, MOST_NAMED).join("") + (names.length > MOST_NAMED ? "\n  …" : "");
  throw new CorruptObjectError(
    `${String(oids.length)} objects of remote '${remote.name}' are damaged or missing:${shown}`,
    {
      path: remote.url,
      expected: first,
      actual: "unknown",
      hint: `Repair with '${repo.env.programName} fsck --repair -r ${remote.name}'.`,
    },
  );
}
