import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { reportTransfer, type Transferred } from "../repo/transferReport.ts";
import { upload } from "../odb/transfer.ts";
import { type CollectOptions, collectRevisions } from "../repo/collectRevisions.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { expandGlobs } from "../repo/glob.ts";
import { withRepoLock } from "../repo/locks.ts";
import { collectObjects, type ObjectGroup, partFiles, pushFilter } from "../repo/objects.ts";
import { openRemote } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import { pushRuns } from "../repo/runCache.ts";

export interface PushOptions extends CallOptions, CollectOptions {
  /** Name of the remote; the default one when not given. */
  readonly remote?: string;
  readonly jobs?: number;
  /** Upload the run cache too. */
  readonly runCache?: boolean;
  /** Targets are shell patterns of files. */
  readonly glob?: boolean;
}

/** `pushed` counts objects, manifests and run cache files among them; `bytes` what was sent. */
export interface PushResult {
  readonly pushed: number;
  readonly bytes: number;
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
  return withRepoLock(repo, options, async () => {
    const runs =
      options.runCache === true ? await pushRuns(repo, await openRemote(repo, options.remote, options), options) : 0;
    const names = options.glob === true ? expandGlobs(repo, targets) : targets;
    const groups = new Map<string, ObjectGroup>();
    for (const { selected } of collectRevisions(repo, names, options))
      collectObjects(repo, selected, pushFilter(options.remote), groups);
    const total: Transferred = { count: 0, bytes: 0, failed: 0 };
    for (const group of groups.values()) await pushGroup(repo, group, options, total);
    if (total.failed > 0) throw new DvcError(`${String(total.failed)} files failed to upload`, { code: "storage" });
    return { pushed: total.count + runs, bytes: total.bytes };
  });
}

async function pushGroup(repo: Repo, group: ObjectGroup, options: PushOptions, total: Transferred): Promise<void> {
  const remote = await openRemote(repo, group.remote ?? options.remote, {
    ...options,
    legacy: group.hashName === "md5-dos2unix",
  });
  try {
    const cache = cacheFor(repo, { name: group.hashName, value: "" });
    const whole = await upload(cache, remote, { files: group.files, dirs: group.dirs }, options);
    reportTransfer(whole, group, total, options);
    for (const oid of group.parts.keys()) {
      if (group.dirs.has(oid)) continue;
      // A part of a folder: its files, and the manifest only when that makes the folder whole on the remote.
      const part = await upload(
        cache,
        remote,
        { files: new Set(partFiles(repo, group, oid)), dirs: new Set() },
        options,
      );
      reportTransfer(part, group, total, options);
    }
  } finally {
    await remote.fs.close();
  }
}
