import { relative, resolve, sep } from "node:path";
import { UsageError } from "../base/errors.ts";
import { isInside, isReservedName, isStrictlyInside, type OsPath, posixRelative } from "../base/paths.ts";
import { recordOf } from "./workspaceChanges.ts";
import type { Selected } from "../repo/index.ts";
import type { Repo } from "../repo/repo.ts";
import { type FoundSnapshot, snapshotGit } from "./find.ts";
import { isPointer } from "./pointers.ts";

/** Parts of a snapshot. */
export interface SnapshotParts {
  /** Outputs, or parts of them. */
  readonly data: readonly Selected[];
  /** Files of Git's to bring, absolute: code, and the pointers of whole outputs. */
  readonly files: readonly OsPath[];
}

/** All data of a snapshot, with the files that record it. */
export function dataParts({ index }: FoundSnapshot): SnapshotParts {
  const data = index.stages.filter(({ outs }) => outs.some(({ useCache }) => useCache)).map((stage) => ({ stage }));
  return { data, files: [...new Set(data.map(({ stage }) => recordOf(stage)))] };
}

/**
 * What paths of the workspace stand for in a snapshot: files of code, folders of code and data, tracked data or a part of it.
 * @throws {UsageError} for a path that the snapshot does not have.
 */
export function partsAt(repo: Repo, snapshot: FoundSnapshot, paths: readonly string[]): SnapshotParts {
  const data: Selected[] = [];
  const files = new Set<OsPath>();
  for (const path of paths) {
    const at = resolve(repo.env.cwd, path);
    const before = data.length + files.size;
    addData(snapshot, at, data, files);
    addCode(repo, snapshot, at, files);
    if (data.length + files.size === before)
      throw new UsageError(`'${path}' is not in snapshot '${snapshot.name}'`, {
        code: "not-found",
        hint: `What is in it: ${repo.env.programName} snapshot show ${snapshot.name}`,
      });
  }
  return { data, files: [...files] };
}

function addData({ index }: FoundSnapshot, at: OsPath, data: Selected[], files: Set<OsPath>): void {
  for (const { stage, out } of index.outs) {
    if (!out.useCache || !out.isLocal) continue;
    if (isInside(at, out.path) || at === stage.file) {
      data.push({ stage, out });
      // The record of a pipeline's outputs is one file for all of them: it is left as it is.
      if (stage.name === undefined) files.add(stage.file);
    } else if (isStrictlyInside(out.path, at)) {
      data.push({ stage, out, within: relative(out.path, at).split(sep).join("/") });
    }
  }
}

function addCode(repo: Repo, { commit }: FoundSnapshot, at: OsPath, files: Set<OsPath>): void {
  const git = snapshotGit(repo);
  if (!isInside(git.root, at)) return;
  const rel = posixRelative(git.root, at);
  for (const path of git.tree(commit).files()) {
    if (path !== rel && rel !== "." && !path.startsWith(`${rel}/`)) continue;
    // The project's own settings are no part of a folder of code.
    const isPart = !isPointer(path) && !path.split("/").some(isReservedName);
    if (path === rel || isPart) files.add(resolve(git.root, path));
  }
}
