import { dirname, join } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { isStrictlyInside, type OsPath, posixRelative } from "../base/paths.ts";
import { dependencyStates, isCommandChanged, workspaceState } from "../pipeline/changed.ts";
import type { Stage } from "../pipeline/stage.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import { presentState } from "../repo/presentState.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownPath } from "../repo/shown.ts";
import { topLevelFiles } from "../repo/topLevelFiles.ts";
import { gitChanges } from "../scm/gitChanges.ts";
import { snapshotGit } from "./find.ts";
import { isPointer } from "./pointers.ts";

/** A tracked file or folder that is not as recorded. Paths are relative to the working folder. */
export interface DataChange {
  readonly path: string;
  readonly change: "new" | "modified" | "not in cache";
  /** The stage or `.dvc` file that it belongs to. */
  readonly stage: string;
}

/** What a snapshot of the workspace would save. */
export interface WorkspaceChanges {
  readonly data: readonly DataChange[];
  /** Files of Git's that differ from HEAD, from Git's top folder; pointer files among them. */
  readonly code: readonly { readonly path: string; readonly change: "added" | "deleted" | "modified" }[];
  /** Files that neither Git nor Holdfast tracks: they stay out. */
  readonly untracked: readonly string[];
  /** Submodules in which something is not committed: a snapshot holds of each which commit it is at. */
  readonly submodules: readonly string[];
  /** Recorded, but not in the workspace: they stay as recorded. */
  readonly absent: readonly string[];
  /** Those of them that the cache does not hold either: only a remote may. */
  readonly elsewhere: readonly string[];
  /** Stages whose dependencies or command changed since their outputs were made. */
  readonly stale: readonly string[];
}

/** The same with what is needed to save it. */
export interface FoundChanges {
  readonly changes: WorkspaceChanges;
  readonly index: Index;
  /** Stages to record anew. */
  readonly stages: readonly Stage[];
  /** Files that belong to a snapshot of this project, whether Git knows them yet or not. */
  readonly pointers: readonly OsPath[];
}

/** Compares the workspace with what is recorded, and what is recorded with HEAD. Changes nothing. */
export async function workspaceChanges(repo: Repo, options: CallOptions): Promise<FoundChanges> {
  const index = loadIndex(repo);
  index.checkGraph();
  const data: DataChange[] = [];
  const absent: string[] = [];
  const elsewhere: string[] = [];
  const stale: string[] = [];
  const stages: Stage[] = [];
  for (const stage of index.stages) {
    options.signal?.throwIfAborted();
    const present = await presentState(repo, stage, options);
    const before = data.length;
    for (const out of stage.outs) {
      if (!out.isLocal) continue;
      const path = shownPath(repo, out);
      const state = workspaceState(out, present);
      if (state === "deleted") {
        absent.push(path);
        if (out.useCache && !present.inCache(out)) elsewhere.push(path);
      } else if (state !== undefined)
        data.push({ path, change: out.hash === undefined ? "new" : "modified", stage: addressOf(repo, stage) });
      else if (out.useCache && out.hash !== undefined && !present.inCache(out))
        data.push({ path, change: "not in cache", stage: addressOf(repo, stage) });
    }
    if (data.length > before) stages.push(stage);
    else if (
      stage.cmd !== undefined &&
      !stage.frozen &&
      (Object.keys(dependencyStates(stage, present)).length > 0 || isCommandChanged(stage))
    )
      stale.push(addressOf(repo, stage));
  }
  const pointers = pointersOf(repo, index);
  return { changes: { data, ...codeChanges(repo, pointers), absent, elsewhere, stale }, index, stages, pointers };
}

/**
 * Files that a snapshot can't do without: stage files, lock files, the ignore files beside outputs, and what stages leave to Git
 * (`cache: false`) or read their parameters from.
 */
function pointersOf(repo: Repo, index: Index): OsPath[] {
  const files = new Set<OsPath>();
  for (const stage of index.stages) {
    files.add(stage.file);
    if (stage.name !== undefined) files.add(lockOf(stage));
    for (const out of stage.outs) {
      if (!out.isLocal) continue;
      if (out.useCache) files.add(join(dirname(out.path), ".gitignore"));
      else if (out.isInRepo) files.add(out.path);
    }
    for (const dep of stage.deps) if (dep.kind === "params" && dep.isInRepo) files.add(dep.path);
  }
  for (const project of index.projects) files.add(project.file);
  for (const file of listedFiles(repo, index)) files.add(file);
  files.add(join(repo.root, ".dvcignore"));
  for (const name of ["config", ".gitignore"]) files.add(join(repo.dvcDir, name));
  return [...files];
}

/** Metrics and parameters that dvc.yaml lists without a stage. */
function listedFiles(repo: Repo, index: Index): OsPath[] {
  try {
    const listed = [...topLevelFiles(repo, index, "metrics"), ...topLevelFiles(repo, index, "params")];
    return listed.map((path) => join(repo.root, path)).filter((path) => isStrictlyInside(repo.root, path));
  } catch (error) {
    if (error instanceof DvcError) return []; // a template that does not resolve
    throw error;
  }
}

/** The file that saving a stage writes. */
export function recordOf(stage: Stage): OsPath {
  return stage.name === undefined ? stage.file : lockOf(stage);
}

function lockOf(stage: Stage): OsPath {
  return join(dirname(stage.file), "dvc.lock");
}

function codeChanges(
  repo: Repo,
  pointers: readonly OsPath[],
): Pick<WorkspaceChanges, "code" | "untracked" | "submodules"> {
  const git = snapshotGit(repo);
  const wanted = new Set(pointers.map((path) => posixRelative(git.root, path)));
  const code: { path: string; change: "added" | "deleted" | "modified" }[] = [];
  const untracked: string[] = [];
  const submodules: string[] = [];
  for (const { state, module, path } of gitChanges(git, { untracked: true })) {
    if (/^S.(M.|.U)$/.test(module)) submodules.push(path);
    // Its commit is the same: only what is in it changed.
    if (/^S\./.test(module) && state === ".M") continue;
    if (state === "?") {
      if (isWanted(path, wanted)) code.push({ path, change: "added" });
      else if (!isPointer(path)) untracked.push(path);
    } else if (state !== "AD") code.push({ path, change: changeOf(state) });
  }
  return { code, untracked, submodules };
}

/** Whether it, or a folder that holds it, belongs to the snapshot. */
function isWanted(path: string, wanted: ReadonlySet<string>): boolean {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) if (wanted.has(at)) return true;
  return false;
}

/** What the commit will say of a file that Git knows, by the two letters of `git status`. */
function changeOf(state: string): "added" | "deleted" | "modified" {
  if (state.includes("D")) return "deleted";
  return state.includes("A") ? "added" : "modified";
}
