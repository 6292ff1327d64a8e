import { DvcError, ScmError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { posixRelative } from "../base/paths.ts";
import type { Tree } from "../odb/tree.ts";
import { isRepoImport } from "../pipeline/stage.ts";
import { recordedHash } from "../repo/dataRoots.ts";
import { openRemote } from "../repo/remote.ts";
import type { ObjectGroup } from "../repo/objects.ts";
import { looking } from "../repo/looking.ts";
import type { Repo } from "../repo/repo.ts";
import { ownerHint } from "../scm/gitProcess.ts";
import { checkInCache, checkOnRemote, type StoreReport } from "../snapshots/check.ts";
import { findSnapshot, snapshotGit } from "../snapshots/find.ts";
import { cachedManifest, snapshotObjects } from "../snapshots/objects.ts";
import { pushedData } from "../snapshots/presence.ts";

export type { StoreReport } from "../snapshots/check.ts";

export interface SnapshotVerifyOptions extends CallOptions {
  /** Look at this remote, `true`: at the one of each output (the default remote), instead of at the cache. */
  readonly remote?: string | true;
  /** Read and hash every byte. */
  readonly deep?: boolean;
}

/** Something that keeps the snapshot from being whole. */
export interface SnapshotProblem {
  /** `cache`, the name of a remote, `git` or `record`. */
  readonly store: string;
  /** `unrecorded`: no hash says what the output was. `code`: Git lacks objects of the commit. */
  readonly problem: "missing" | "damaged" | "unreadable" | "manifest" | "unrecorded" | "code";
  readonly path: string;
  readonly oid?: string;
  readonly detail?: string;
}

export interface SnapshotVerifyResult {
  readonly name: string;
  readonly commit: string;
  readonly ok: boolean;
  readonly deep: boolean;
  readonly stores: readonly StoreReport[];
  readonly problems: readonly SnapshotProblem[];
  /** Data of other repositories, which they keep: not looked at. */
  readonly imports: readonly string[];
  /** Outputs with `push: false`: on a remote they are not looked for. Empty when it was the cache that was looked at. */
  readonly unpushed: readonly string[];
}

/**
 * Checks that everything of a snapshot can be had: its code in Git, and each object of its data in the cache or on a remote,
 * with `deep` each byte. Changes nothing.
 * @throws {ScmError} for an unknown revision, {ConfigError}, {StorageError} when the remote can't be used.
 */
export function snapshotVerify(
  repo: Repo,
  name: string,
  options: SnapshotVerifyOptions = {},
): Promise<SnapshotVerifyResult> {
  return looking(repo, async () => {
    const { commit, index } = findSnapshot(repo, name);
    const { remote } = options;
    const named = remote === true ? undefined : remote;
    const problems: SnapshotProblem[] = [...codeProblems(repo, commit, options.deep === true)];
    const imports: string[] = [];
    const unpushed: string[] = [];
    for (const one of index.outs) {
      if (!one.out.useCache || !one.out.isLocal) continue;
      const path = posixRelative(repo.root, one.out.path);
      if (isRepoImport(one.stage)) imports.push(path);
      else if (remote !== undefined && !one.out.canPush) unpushed.push(path);
      else if (recordedHash(one) === undefined) problems.push({ store: "record", problem: "unrecorded", path });
    }
    const read = (group: ObjectGroup, oid: string): Promise<Tree | undefined> =>
      remote === undefined
        ? Promise.resolve(cachedManifest(repo, group, oid))
        : remoteManifest(repo, group, named, oid, options);
    const groups = await snapshotObjects(repo, index, read, remote === undefined ? undefined : pushedData);
    const stores: StoreReport[] = [];
    for (const group of groups) {
      if (group.names.size === 0) continue;
      const isDeep = options.deep === true;
      const report =
        remote === undefined
          ? await checkInCache(repo, group, isDeep, options)
          : await checkOnRemote(repo, group, named ?? group.remote, isDeep, options);
      stores.push(report);
      problems.push(...report.problems.map((one) => ({ store: report.name, ...one })));
    }
    const ok = problems.length === 0;
    return { name, commit, ok, deep: options.deep === true, stores, problems, imports, unpushed };
  });
}

/** Whether Git has every tree and file of the commit; `deep`: hashes them. */
function codeProblems(repo: Repo, commit: string, deep: boolean): SnapshotProblem[] {
  const args = ["rev-list", "--objects", "--no-walk", "--quiet", ...(deep ? ["--verify-objects"] : []), commit];
  const { code, stderr } = snapshotGit(repo).run(args, { allow: [0, 1, 128] });
  // Of bytes that are not those of their name it says so, and goes on.
  if (code === 0 && !/^error: /m.test(stderr)) return [];
  const owner = ownerHint(stderr);
  if (owner.hint !== undefined) throw new ScmError("Git does not look at this repository", owner);
  return [{ store: "git", problem: "code", path: commit, detail: stderr.trim() }];
}

/** As the remote has it, not the cache: it is the remote that is checked. */
async function remoteManifest(
  repo: Repo,
  group: ObjectGroup,
  name: string | undefined,
  oid: string,
  options: CallOptions,
): Promise<Tree | undefined> {
  const remote = await openRemote(repo, name ?? group.remote, { legacy: group.hashName === "md5-dos2unix" });
  try {
    return (await remote.readTree(oid, options))?.tree ?? cachedManifest(repo, group, oid);
  } catch (error) {
    if (error instanceof DvcError && ["corrupt-object", "unsafe-path", "format"].includes(error.code)) return undefined;
    throw error;
  } finally {
    await remote.fs.close();
  }
}
