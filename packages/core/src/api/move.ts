import { statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { warn } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { isInside, isStrictlyInside, posixRelative } from "../base/paths.ts";
import { readPlainText } from "../fs/atomic.ts";
import { checkOutputText } from "../pipeline/location.ts";
import { saveStage } from "../pipeline/save.ts";
import { type Dependency, isDataSource, type Output, type Stage } from "../pipeline/stage.ts";
import { refuseIgnoredStageFile, withGitContext, type GitContext } from "../repo/gitContext.ts";
import { loadIndex } from "../repo/index.ts";
import { moveTree } from "../repo/moveTree.ts";
import { holdsUnrecorded } from "../data/unrecorded.ts";
import { stagingPath } from "../data/swap.ts";
import { type JournalStep, note, noteText, readJournal } from "../repo/journal.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, viewOf } from "../repo/shown.ts";
import { requireFolder } from "../repo/stageFolder.ts";
import { hashPath, recordOutput, relinkOutput } from "./recordOutput.ts";
import { removeHeldFile, removeTree } from "../fs/heldFolders.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { isThere } from "../fs/isThere.ts";

/** Both relative to the working folder. */
export interface MoveResult {
  readonly from: string;
  readonly to: string;
  /** The `.dvc` file now. */
  readonly file: string;
}

/**
 * Renames or moves tracked data together with its `.dvc` file and `.gitignore` line. Into `to` when that is a folder.
 * @throws {DvcError} when `from` is no output, belongs to a pipeline, or `to` is taken.
 */
export async function move(repo: Repo, from: string, to: string, options: CallOptions = {}): Promise<MoveResult> {
  return changeRepo(repo, "move", options, () =>
    withGitContext(repo, options, (context) => moveLocked(repo, from, to, context, options)),
  );
}

async function moveLocked(
  repo: Repo,
  from: string,
  to: string,
  context: GitContext,
  options: CallOptions,
): Promise<MoveResult> {
  const source = resolve(repo.env.cwd, from);
  if (/^dvc\.yaml$|\.dvc$/.test(basename(source))) throw new DvcError(`DVC file '${from}' cannot be an output.`);
  const index = loadIndex(repo);
  index.checkGraph();
  const found = index.outs.find(({ out }) => out.isLocal && out.path === source);
  if (found === undefined)
    throw new DvcError(`Unable to find DVC file with output '${relative(repo.env.cwd, source)}'`, {
      code: "not-found",
    });
  const { stage, out } = found;
  if (!isDataSource(stage)) {
    const stageName = `'${addressOf(repo, stage)}'`;
    throw new DvcError(
      `move is not permitted for stages that are not data sources. You need to either move ${stageName} to a new location and edit it by hand, or remove ${stageName} and create a new one at the desired location.`,
    );
  }
  const isResumed = await wasMoved(repo, out, resolve(repo.env.cwd, to), options);
  const target = isResumed ? resolve(repo.env.cwd, to) : targetOf(repo, from, to);
  const next = movedStage(stage, out, target, repo.root);
  requireFolder(next.wdir);
  refuseIgnoredStageFile(repo, next.file);
  index.checkGraph([next], [stage]);
  if ((next.file !== stage.file || target === source) && isThere(next.file) && !isResumed)
    throw new DvcError(`'${relative(repo.env.cwd, next.file)}' already exists`, { code: "exists" });
  const [newOut] = next.outs;
  if (newOut === undefined) throw new DvcError(`'${from}' has no output`);
  checkOutputText(newOut, next.file, repo.loadContext);
  checkOutputPath(repo, next, newOut);
  if (!isResumed) moveData(source, target, repo, options);
  context.unignore(source);
  await storeMoved(repo, next, newOut, context, options);
  saveStage(next, viewOf(repo, options));
  context.track(next.file);
  if (next.file !== stage.file) {
    noteText(repo, stage.file, readPlainText(stage.file), undefined);
    removeHeldFile(repo.root, stage.file);
    context.track(stage.file);
  }
  repo.state.save();
  return { from, to: relative(repo.env.cwd, target), file: relative(repo.env.cwd, next.file) };
}

/**
 * A run that ended after the data had its new place: at the old one is nothing, or a rest that was copied; at the new one what
 * that run put there (edited before, perhaps), or exactly the recorded data.
 */
async function wasMoved(repo: Repo, out: Output, target: string, options: CallOptions): Promise<boolean> {
  if (!isStrictlyInside(repo.root, target) || !isThere(target) || isInside(repo.dvcDir, target)) return false;
  const isBegun = isHalfMoved(repo, out.path, target);
  if (isThere(out.path)) {
    if (!isBegun || !(await isCopied(repo, out.path, target, options))) return false;
    removeTree(repo.root, out.path, stagingPath(repo.tmpDir));
  }
  if (isBegun) return true;
  if (out.hash === undefined) return false;
  const name = out.hash.name === "md5-dos2unix" ? "md5-dos2unix" : "md5";
  return (await hashPath(repo, target, name, options)).hash.value === out.hash.value;
}

/** Whether all that is left at the old place is at the new one as well. */
async function isCopied(repo: Repo, from: string, to: string, options: CallOptions): Promise<boolean> {
  const [rest, copy] = [await hashPath(repo, from, "md5", options), await hashPath(repo, to, "md5", options)];
  if (rest.tree === undefined || copy.tree === undefined) return rest.hash.value === copy.hash.value;
  const { tree } = copy;
  return (
    !holdsUnrecorded(from, rest.tree) && rest.tree.entries.every(({ relpath, md5 }) => tree.get(relpath)?.md5 === md5)
  );
}

/** Whether the journal knows of a move that came no further than the data. */
function isHalfMoved(repo: Repo, from: string, to: string): boolean {
  const isIt = (step: JournalStep): boolean => step.kind === "moved" && step.path === from && step.to === to;
  return readJournal(repo).some(({ isWhole, isUndone, steps }) => !isWhole && !isUndone && steps.some(isIt));
}

function targetOf(repo: Repo, from: string, to: string): string {
  const path = resolve(repo.env.cwd, to);
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? join(path, basename(from)) : path;
}

function movedStage(stage: Stage, out: Output, target: string, root: string): Stage {
  const isNamedAfter = basename(stage.file).replace(/\.[^.]*$/, "") === basename(out.path);
  const file = isNamedAfter ? `${target}.dvc` : stage.file;
  const wdir = isNamedAfter ? dirname(target) : stage.wdir;
  const defPath = posixRelative(wdir, target);
  return {
    ...stage,
    file,
    wdir,
    outs: [{ ...out, path: target, defPath, isInRepo: isStrictlyInside(root, target) }],
    deps: stage.deps.map((dep) => movedDependency(dep, wdir)),
  };
}

/** A local dependency is written relative to where the `.dvc` file is now. */
function movedDependency(dep: Dependency, wdir: string): Dependency {
  if (dep.kind !== "file" || !dep.isLocal || isAbsolute(dep.defPath)) return dep;
  return { ...dep, defPath: posixRelative(wdir, dep.path) };
}

function moveData(source: string, target: string, repo: Repo, options: CallOptions): void {
  if (!isThere(source)) {
    warn(options, `'${source}' missing`);
    return;
  }
  if (isThere(target)) {
    throw new DvcError(`The file '${relative(repo.env.cwd, target)}' already exists locally.`, {
      code: "exists",
      hint: "Move or remove it first: nothing was changed.",
    });
  }
  makeFolders(dirname(target));
  note(repo, { kind: "moved", path: source, to: target });
  moveTree(repo, { path: source, home: repo.root }, { path: target, home: repo.root });
}

/** The pointer file keeps the hash that it has, so that data edited before the move is a change after it, too. */
async function storeMoved(
  repo: Repo,
  stage: Stage,
  out: Output,
  context: GitContext,
  options: CallOptions,
): Promise<void> {
  context.ignore(out.path);
  if (!isThere(out.path)) return;
  const recorded = await recordOutput(repo, out, { ...options, stage, store: out.useCache });
  await relinkOutput(repo, recorded.out, recorded.built, undefined, options);
}
