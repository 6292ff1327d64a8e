import { existsSync, lstatSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, normalize, relative, resolve } from "node:path";
import { ConfigError, DvcError, GraphError, UsageError } from "../base/errors.ts";
import { isInside, isStrictlyInside, type OsPath } from "../base/paths.ts";
import { isKnownProtocol } from "../fs/open.ts";
import { schemeOf } from "../pipeline/location.ts";
import { OverlapError } from "../pipeline/outsIndex.ts";
import { saveStage } from "../pipeline/save.ts";
import { type Output, type Stage, trackedOutput } from "../pipeline/stage.ts";
import { type GitContext, refuseGitTracked, refuseIgnoredStageFile, withGitContext } from "../repo/gitContext.ts";
import { expandGlobs } from "../repo/glob.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import { refuseLinkedFolders } from "../repo/linkedFolders.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownLocal, shownPath, shownStage, viewOf } from "../repo/shown.ts";
import { requireFolder } from "../repo/stageFolder.ts";
import { recordOutput, relinkOutput } from "./recordOutput.ts";
import { type AddedStage, addedStage } from "./addedStage.ts";
import { addFrom, outExists } from "./addFrom.ts";
import type { AddOptions } from "./addOptions.ts";

export type { AddedStage };

export type { AddOptions };

/** In the order of the targets. */
export interface AddResult {
  readonly stages: readonly AddedStage[];
}

interface Target {
  readonly stage: Stage;
  readonly out: Output;
  /** The part of a tracked folder to add, when the target lies inside one. */
  readonly within: OsPath | undefined;
}

/**
 * Tracks files and folders: hashes them, stores them in the cache, links them back, writes `.dvc` files and `.gitignore`
 * lines. Nothing is written for a target that is refused.
 * @throws {DvcError} with DVC's texts for overlaps, missing or ignored paths, symlinked folders and Git-tracked files.
 * @example await add(repo, ["data"])
 */
export async function add(repo: Repo, targets: readonly string[], options: AddOptions = {}): Promise<AddResult> {
  checkOptions(targets, options);
  return changeRepo(repo, "add", options, () =>
    withGitContext(repo, options, async (context) => {
      const names = [...new Set(options.glob === true ? expandGlobs(repo, targets) : targets)];
      const index = loadIndex(repo);
      const found = names.map((name) => findTarget(repo, index, name, options));
      checkGraph(repo, index, found);
      for (const { stage } of found) refuseIgnoredStageFile(repo, stage.file);
      if (options.toRemote === true || options.out !== undefined) {
        const [one] = found;
        if (one === undefined) return { stages: [] };
        return { stages: [await addFrom(repo, one, targets[0] ?? "", context, options)] };
      }
      refuseGitTracked(
        repo,
        found.filter((one) => one.out.useCache).map((one) => one.out.path),
        (path) => shownLocal(repo, path),
      );
      const stages: AddedStage[] = [];
      const saved = new Map<OsPath, Stage>();
      for (const one of found) stages.push(await addOne(repo, asSaved(one, saved), saved, context, options));
      repo.state.save();
      return { stages };
    }),
  );
}

/** The options that exclude each other, with DVC's texts. */
function checkOptions(targets: readonly string[], options: AddOptions): void {
  const refuse = (option: string, other: string): never => {
    throw new UsageError(`${option} can't be used ${other}`);
  };
  if (options.toRemote === true || options.out !== undefined) {
    const other = `with ${options.toRemote === true ? "--to-remote" : "--out"}`;
    if (targets.length !== 1) refuse("multiple targets", other);
    if (options.glob === true) refuse("--glob option", other);
    if (options.noCommit === true) refuse("--no-commit option", other);
  } else {
    if (options.remote !== undefined) refuse("--remote", "without --to-remote");
    if (options.remoteJobs !== undefined) refuse("--remote-jobs", "without --to-remote");
  }
}

/** The target as the targets before it left it: two of them may be parts of one tracked folder. */
function asSaved(target: Target, saved: ReadonlyMap<OsPath, Stage>): Target {
  const stage = saved.get(target.stage.file);
  const out = stage?.outs.find(({ path }) => path === target.out.path);
  return stage === undefined || out === undefined ? target : { ...target, stage, out };
}

async function addOne(
  repo: Repo,
  target: Target,
  done: Map<OsPath, Stage>,
  context: GitContext,
  options: AddOptions,
): Promise<AddedStage> {
  if (target.within === undefined) requirePresent(repo, target.out);
  const recorded = await recordOutput(repo, target.out, {
    ...options,
    stage: target.stage,
    store: options.noCommit !== true && target.out.useCache,
    ...(target.within === undefined ? {} : { within: target.within }),
  });
  if (target.out.useCache) context.ignore(target.out.path);
  if (options.noCommit !== true && options.noRelink !== true) {
    await relinkOutput(repo, recorded.out, recorded.built, target.within, options);
  }
  const saved = { ...target.stage, outs: target.stage.outs.map((out) => (out === target.out ? recorded.out : out)) };
  for (const file of saveStage(saved, { ...viewOf(repo, options), keepMd5: true })) context.track(file);
  done.set(saved.file, saved);
  context.track(target.stage.file);
  return addedStage(repo, target.stage, recorded.out);
}

function requirePresent(repo: Repo, out: Output): void {
  if (lstatSync(out.path, { throwIfNoEntry: false }) !== undefined) return;
  const cause = new DvcError(`[Errno 2] No such file or directory: '${out.path}'`, { code: "not-found" });
  // What a decoder makes of bytes that are no UTF-8.
  const hint = out.path.includes("\ufffd")
    ? { hint: "A name that is not valid UTF-8 can't be tracked: rename it." }
    : {};
  throw new DvcError(`output '${shownPath(repo, out)}' does not exist`, { code: "not-found", cause, ...hint });
}

function findTarget(repo: Repo, index: Index, target: string, options: AddOptions): Target {
  const name = options.out === undefined ? target : resolveOut(repo, target, options.out, options);
  const place = placeOf(repo, name, options.toRemote === true && options.out === undefined);
  const path = place.out;
  const [known, other] = index.outs.filter(
    ({ out }) => out.isLocal && (out.path === path || isStrictlyInside(out.path, path)),
  );
  // Two that hold it already: the graph says which.
  if (other !== undefined) index.checkGraph();
  if (known !== undefined) {
    if (known.stage.cmd !== undefined) {
      throw new DvcError(
        `cannot update '${basename(path)}': overlaps with an output of ${shownStage(repo, known.stage)} in '${relative(repo.env.cwd, known.stage.file)}'.\nRun the pipeline or use 'dvc commit' to force update it.`,
      );
    }
    if (options.out !== undefined && path !== known.out.path) {
      // DVC would replace the whole tracked folder by the one file.
      throw new DvcError(`'${name}' is inside the tracked folder '${shownPath(repo, known.out)}'`, {
        code: "exists",
        hint: `Copy the file there, then run '${repo.env.programName} add ${name}'.`,
      });
    }
    return { stage: known.stage, out: known.out, within: path === known.out.path ? undefined : path };
  }
  requireFolder(place.wdir);
  const out = newOutput(repo, name, place);
  return { stage: newStage(place, out), out, within: undefined };
}

interface Place {
  readonly file: OsPath;
  readonly wdir: OsPath;
  readonly out: OsPath;
  readonly defPath: string;
}

/** Where the `.dvc` file of a target goes, and what it names. */
function placeOf(repo: Repo, target: string, alwaysLocal: boolean): Place {
  const { cwd } = repo.env;
  const path = resolve(cwd, target);
  const base = basename(normalize(target));
  const scheme = schemeOf(target);
  if (scheme !== undefined && scheme !== "remote" && !isKnownProtocol(scheme))
    throw new ConfigError(`config file error: Unsupported URL type ${scheme}://`);
  if (scheme !== undefined || !isInside(repo.root, path)) {
    return {
      file: join(cwd, `${base}.dvc`),
      wdir: cwd,
      out: alwaysLocal ? join(cwd, base) : path,
      defPath: alwaysLocal ? base : target,
    };
  }
  refuseLinkedFolders(repo, path);
  return { file: join(dirname(path), `${base}.dvc`), wdir: dirname(path), out: path, defPath: base };
}

/** Where `--out` puts the target. What lies there untracked is compared later: a killed run may have left it. */
function resolveOut(repo: Repo, target: string, out: string, options: AddOptions): string {
  const name = basename(normalize(target));
  const isFolder = statSync(resolve(repo.env.cwd, out), { throwIfNoEntry: false })?.isDirectory() === true;
  const result = isFolder ? join(out, name) : out;
  const path = resolve(repo.env.cwd, result);
  if (options.force !== true && existsSync(path) && (options.toRemote === true || existsSync(`${path}.dvc`))) {
    throw outExists(result);
  }
  return result;
}

function newOutput(repo: Repo, target: string, place: Place): Output {
  const base = basename(place.out);
  if (base === "dvc.yaml" || base.endsWith(".dvc")) {
    throw new DvcError(`DVC file '${place.defPath}' cannot be an output.`);
  }
  const ignored = repo.ignore.reason(place.out);
  if (ignored !== undefined) throw new DvcError(`Path '${place.out}' is ignored by ${ignored}`);
  if (!isInside(repo.root, place.out) || isAbsolute(place.defPath) || schemeOf(place.defPath) !== undefined) {
    throw new DvcError(
      `Cached output(s) outside of DVC project: ${/^[a-z][a-z0-9+.-]+:\/\//i.test(target) ? target : place.out}. See <https://dvc.org/doc/user-guide/data-management/importing-external-data> for more info.`,
    );
  }
  return trackedOutput(place.defPath, place.out);
}

function newStage(place: Place, out: Output): Stage {
  return {
    file: place.file,
    name: undefined,
    wdir: place.wdir,
    cmd: undefined,
    lockedCmd: undefined,
    deps: [],
    outs: [out],
    frozen: false,
    alwaysChanged: false,
    md5: undefined,
    desc: undefined,
    meta: undefined,
    isGenerated: false,
    isParametrized: false,
    usedVars: new Map(),
    isLocked: true,
  };
}

/** Checks the graph as it would be with the new stages in it. */
function checkGraph(repo: Repo, index: Index, found: readonly Target[]): void {
  const fresh = found.map((one) => one.stage).filter((stage) => !index.stages.includes(stage));
  try {
    index.checkGraph(fresh);
  } catch (error) {
    if (error instanceof OverlapError) throw overlapOnAdd(repo, error, found);
    throw error;
  }
}

function overlapOnAdd(repo: Repo, error: OverlapError, found: readonly Target[]): GraphError {
  const outer = shownPath(repo, error.parent.out);
  const inner = shownPath(repo, error.child.out);
  const isOuterNew = found.some((one) => one.stage.outs.includes(error.parent.out));
  const next = isOuterNew
    ? `run 'dvc remove ${addressOf(repo, error.child.stage)}' and then 'dvc add ${outer}'`
    : `run 'dvc commit ${addressOf(repo, error.parent.stage)}'`;
  const name = isOuterNew ? outer : inner;
  const other = isOuterNew ? inner : outer;
  return new GraphError(
    `Cannot add '${name}', because it is overlapping with other DVC tracked output: '${other}'.\nTo include '${inner}' in '${outer}', ${next}`,
  );
}
