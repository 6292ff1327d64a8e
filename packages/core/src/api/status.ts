import { isAbsolute, join, relative } from "node:path";
import { lstatSync } from "node:fs";
import type { CallOptions } from "../base/events.ts";
import { warn } from "../base/events.ts";
import { UsageError } from "../base/errors.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { stageStatus, type StageStatus } from "../pipeline/changed.ts";
import { type Dependency, isRepoImport, type Output, type Stage } from "../pipeline/stage.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { loadIndex, type Selected } from "../repo/index.ts";
import { withRepoLock } from "../repo/locks.ts";
import { type RevisionOptions } from "../repo/revisions.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownPath, shownStage } from "../repo/shown.ts";
import { hashPath } from "./recordOutput.ts";

export interface StatusOptions extends CallOptions, RevisionOptions {
  /** Compare the cache with a remote instead of the workspace with the records. */
  readonly cloud?: boolean;
  /** Implies `cloud`. */
  readonly remote?: string;
  readonly withDeps?: boolean;
  readonly recursive?: boolean;
  readonly jobs?: number;
  /** Don't ask the sources of imports whether they have something newer. */
  readonly noUpdates?: boolean;
}

/** Stage address -> what changed, in DVC's words; unchanged stages are left out. */
export type WorkspaceStatus = Readonly<Record<string, StageStatus>>;
/** Path -> "new" (not on the remote), "deleted" (only there) or "missing" (nowhere). */
export type CloudStatus = Readonly<Record<string, "new" | "deleted" | "missing">>;

/** `isEmpty`: the project tracks nothing yet. `remote`: name of the remote looked at. */
export type StatusResult =
  | { readonly kind: "workspace"; readonly status: WorkspaceStatus; readonly isEmpty: boolean }
  | { readonly kind: "cloud"; readonly status: CloudStatus; readonly remote: string; readonly isEmpty: boolean };

/**
 * What differs between the records and the workspace, or between the cache and a remote.
 * @throws {UsageError} for options that only make sense with `cloud`.
 */
export async function status(
  repo: Repo,
  targets: readonly string[] = [],
  options: StatusOptions = {},
): Promise<StatusResult> {
  if (options.cloud === true || options.remote !== undefined) {
    const { cloudStatus } = await import("./cloudStatus.ts");
    return cloudStatus(repo, targets, options);
  }
  const ignored = [
    options.allBranches === true ? "--all-branches" : undefined,
    options.allTags === true ? "--all-tags" : undefined,
    options.allCommits === true ? "--all-commits" : undefined,
    options.jobs === undefined ? undefined : "--jobs",
  ].filter((one) => one !== undefined);
  if (ignored.length > 0)
    throw new UsageError(`The following options are meaningless for local status: ${ignored.join(", ")}`);
  return withRepoLock(repo, { ...options, readOnly: true }, () => workspaceStatus(repo, targets, options));
}

async function workspaceStatus(repo: Repo, targets: readonly string[], options: StatusOptions): Promise<StatusResult> {
  const index = loadIndex(repo);
  const selected = index.collect(targets, {
    recursive: options.recursive === true,
    withDeps: options.withDeps === true,
  });
  const found: Record<string, StageStatus> = {};
  for (const one of selected) {
    const { stage } = one;
    if (stage.frozen && !isRepoImport(stage)) {
      warn(
        options,
        `${shownStage(repo, stage)} is frozen. Its dependencies are not going to be shown in the status output.`,
      );
    }
    const changed = await statusOf(repo, one, options);
    if (changed.length > 0) found[addressOf(repo, stage)] = changed;
  }
  repo.state.save();
  return { kind: "workspace", status: found, isEmpty: index.stages.length === 0 };
}

/** The entries of one stage, in DVC's shape. */
export async function statusOf(repo: Repo, selected: Selected, options: StatusOptions): Promise<StageStatus> {
  const { stage, out } = selected;
  const narrowed: Stage = out === undefined ? stage : { ...stage, outs: [out] };
  const current = await currentHashes(repo, narrowed, options);
  return stageStatus(narrowed, {
    hashOf: (entry) => current.get(entry),
    inCache: (entry) => inCache(repo, entry, selected.within),
    text: (entry) => shownPath(repo, entry),
    ...(options.noUpdates === true ? {} : { updateOf: (dep: Dependency) => importUpdate(repo, dep) }),
    readText: (path) => repo.workspace.readText(path),
  });
}

/** The hashes of what is in the workspace now, for every output and file dependency; absent ones have none. */
async function currentHashes(
  repo: Repo,
  stage: Stage,
  options: CallOptions,
): Promise<Map<Output | Dependency, string>> {
  const hashes = new Map<Output | Dependency, string>();
  const entries: (Output | Dependency)[] = [...stage.outs, ...(stage.frozen ? [] : stage.deps)];
  for (const entry of entries) {
    if ("kind" in entry && entry.kind !== "file") continue;
    if (!entry.isLocal || lstatSync(entry.path, { throwIfNoEntry: false }) === undefined) continue;
    const name = entry.hash?.name === "md5-dos2unix" ? "md5-dos2unix" : "md5";
    const built = await hashPath(repo, entry.path, name, options);
    hashes.set(entry, built.hash.value);
  }
  return hashes;
}

/** Whether everything that an output needs is in the cache: its object, and for a folder the files (those `within`). */
export function inCache(repo: Repo, out: Output, within?: string): boolean {
  if (out.hash === undefined) return false;
  const cache = cacheFor(repo, out.hash);
  if (!isDirHash(out.hash.value)) return cache.check(out.hash.value) === "ok";
  const tree = cache.check(out.hash.value) === "ok" ? cache.readTree(out.hash.value) : undefined;
  if (tree === undefined) return false;
  const entries =
    within === undefined ? tree.entries : [tree.get(within), ...tree.under(within)].filter((one) => one !== undefined);
  const oids = entries.map((entry) => entry.md5);
  return cache.exists(oids).size === new Set(oids).size;
}

/** "update available" for an import whose source has moved on; undefined when it has not, or cannot be asked without a network. */
function importUpdate(repo: Repo, dep: Dependency): "update available" | undefined {
  if (dep.kind !== "repo" || repo.git === undefined) return undefined;
  const url =
    isAbsolute(dep.repo.url) || /:/.test(dep.repo.url)
      ? dep.repo.url
      : join(repo.root, relative(repo.root, join(repo.root, dep.repo.url)));
  const newest = repo.git.remoteHead(url, dep.repo.rev);
  return newest !== undefined && dep.repo.revLock !== undefined && newest !== dep.repo.revLock
    ? "update available"
    : undefined;
}
