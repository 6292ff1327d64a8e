import { DvcError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import { posixRelative } from "../base/paths.ts";
import { readManifest } from "../repo/manifests.ts";
import { looking } from "../repo/looking.ts";
import type { Repo } from "../repo/repo.ts";
import { findSnapshot, snapshotGit, type FoundSnapshot } from "../snapshots/find.ts";
import { isPointer } from "../snapshots/pointers.ts";
import { diff, type DiffResult } from "./diff.ts";
import { metricsDiff, type ValuesDiff } from "./metricsDiff.ts";
import { paramsDiff } from "./paramsDiff.ts";

/** A file that Git keeps, from Git's top folder. */
export interface CodeChange {
  readonly path: string;
  readonly change: "added" | "deleted" | "modified";
}

/** How two snapshots differ. Pointer files (`.dvc`, `dvc.lock`) are told as data, not as code. */
export interface SnapshotDiffResult {
  readonly from: string;
  /** `workspace` when only one was given. */
  readonly to: string;
  readonly code: readonly CodeChange[];
  readonly data: DiffResult;
  readonly params: ValuesDiff;
  readonly metrics: ValuesDiff;
}

/**
 * Compares two snapshots, or one with the workspace: code, data, params and metrics.
 * @throws {ScmError} for an unknown revision.
 */
export function snapshotDiff(
  repo: Repo,
  from: string,
  to?: string,
  options: CallOptions = {},
): Promise<SnapshotDiffResult> {
  return looking(repo, async () => {
    const older = findSnapshot(repo, from);
    const newer = to === undefined ? undefined : findSnapshot(repo, to);
    for (const one of [older, newer]) if (one !== undefined) await bringManifests(repo, one, options);
    const second = newer?.commit ?? "workspace";
    return {
      from,
      to: to ?? "workspace",
      code: codeChanges(repo, older.commit, newer?.commit),
      data: await diff(repo, older.commit, newer?.commit, options),
      params: await paramsDiff(repo, older.commit, second, options),
      metrics: await metricsDiff(repo, older.commit, second, options),
    };
  });
}

/** Folders can be compared file by file only with their manifests: those that the cache lacks are fetched. */
async function bringManifests(repo: Repo, { index, name }: FoundSnapshot, options: CallOptions): Promise<void> {
  for (const one of index.outs) {
    if (!one.out.useCache || !one.out.isLocal) continue;
    try {
      await readManifest(repo, one, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof DvcError)) throw error;
      const path = posixRelative(repo.root, one.out.path);
      warn(options, `the list of files of '${path}' in '${name}' can't be had: ${error.message}`);
    }
  }
}

const CHANGES: Readonly<Record<string, CodeChange["change"]>> = { A: "added", D: "deleted" };

function codeChanges(repo: Repo, from: string, to: string | undefined): CodeChange[] {
  const git = snapshotGit(repo);
  const revs = to === undefined ? [from] : [from, to];
  const { stdout } = git.run(["diff", "--no-ext-diff", "--no-renames", "--name-status", "-z", ...revs, "--"], {});
  const words = stdout.toString("utf8").split("\0");
  const changes: CodeChange[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [letter = "", path = ""] = [words[at], words[at + 1]];
    if (!isPointer(path)) changes.push({ path, change: CHANGES[letter] ?? "modified" });
  }
  return changes;
}
