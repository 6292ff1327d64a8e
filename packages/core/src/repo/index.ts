import { relative, resolve, sep } from "node:path";
import { DvcError } from "../base/errors.ts";
import { isInside, type OsPath, type RelPath } from "../base/paths.ts";
import { ancestors, checkGraph, type StageGraph } from "../pipeline/graph.ts";
import type { ProjectView } from "../pipeline/load.ts";
import type { FileSource } from "../pipeline/source.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import { addressing } from "./addressing.ts";
import type { DvcIgnore } from "./ignore.ts";
import type { Repo } from "./repo.ts";
import { isStageFileName, MissingStageError, MissingStageFileError, StageFiles } from "./stageFiles.ts";
import { parseTarget, stagesIn, stagesOfTarget } from "./targets.ts";

/** What a target stands for. */
export interface Selected {
  readonly stage: Stage;
  /** Only this output of the stage. */
  readonly out?: Output;
  /** Only this part of the output, a folder: relative to it. */
  readonly within?: RelPath;
}

/** How targets are resolved. */
export interface CollectTargets {
  /** A folder stands for all stages below it. */
  readonly recursive?: boolean;
  /** Also everything that the stages need. */
  readonly withDeps?: boolean;
  /** Names of stages are patterns. */
  readonly glob?: boolean;
  /** Whether the name of a foreach or matrix stands for all its stages. Default true. */
  readonly acceptGroup?: boolean;
}

/** An output with the stage it belongs to. */
export interface IndexOutput {
  readonly stage: Stage;
  readonly out: Output;
}

/**
 * The stages of the workspace, or of the commit `rev`. Nothing is read before it is asked for, so that a command on one
 * `.dvc` file reads that file and no other.
 * @throws {NotDvcRepoError} when the commit does not hold the project's folder.
 */
export function loadIndex(repo: Repo, options: { readonly rev?: string } = {}): Index {
  return new Index(repo, options.rev);
}

/** All that a project tracks, at one moment. */
export class Index {
  /** Commit; undefined for the workspace. */
  readonly rev: string | undefined;
  readonly files: StageFiles;
  readonly #repo: Repo;
  #stages: readonly Stage[] | undefined;
  #outs: readonly IndexOutput[] | undefined;
  #graph: StageGraph | undefined;

  constructor(repo: Repo, rev: string | undefined) {
    this.#repo = repo;
    this.rev = rev;
    this.files = new StageFiles(repo, rev);
  }

  /** Reads the files of this moment. */
  get source(): FileSource {
    return this.files.source;
  }

  /** The ignore rules of this moment. */
  get ignore(): DvcIgnore {
    return this.files.ignore;
  }

  /** Every stage, in the order found. */
  get stages(): readonly Stage[] {
    this.#stages ??= this.files.all();
    return this.#stages;
  }

  /** Every `dvc.yaml`, also those without stages. */
  get projects(): readonly ProjectView[] {
    this.#stages ??= this.files.all();
    return [...this.files.projects];
  }

  /** Every output, in the order of the stages. */
  get outs(): readonly IndexOutput[] {
    this.#outs ??= this.stages.flatMap((stage) => stage.outs.map((out) => ({ stage, out })));
    return this.#outs;
  }

  /** The checked graph. @throws {GraphError} with DVC's texts. */
  get graph(): StageGraph {
    this.#graph ??= checkGraph(this.stages, this.#view);
    return this.#graph;
  }

  get #view(): { root: OsPath; cwd: OsPath } {
    return { root: this.#repo.root, cwd: this.#repo.env.cwd };
  }

  /**
   * Checks outputs for duplicates and overlaps, and stages for cycles; with `fresh` as it would be if those stages were
   * there too (in place of those of the same file and name) and `gone` were not.
   * @throws {GraphError} with DVC's texts.
   */
  checkGraph(fresh: readonly Stage[] = [], gone: readonly Stage[] = []): StageGraph {
    if (fresh.length === 0) return this.graph;
    const replaced = new Set([...fresh, ...gone].map(keyOf));
    return checkGraph([...this.stages.filter((stage) => !replaced.has(keyOf(stage))), ...fresh], this.#view);
  }

  /**
   * What the targets stand for, in their order; everything without targets. A target is a stage, a group, a file of
   * stages, an output, a path inside a tracked folder or, with `recursive`, a folder.
   * @throws {DvcError} with DVC's texts; code `not-found` for what is none of these.
   */
  collect(targets: readonly string[], options: CollectTargets = {}): Selected[] {
    if (targets.length === 0) return this.stages.map((stage) => ({ stage }));
    return targets.flatMap((target) => this.#collectOne(sep === "\\" ? target.replaceAll("\\", "/") : target, options));
  }

  #collectOne(target: string, options: CollectTargets): Selected[] {
    const path = resolve(this.#repo.env.cwd, target);
    const isFolder = options.recursive === true && this.files.isFolder(path);
    const { file, name } = parseTarget(target, options.glob === true);
    const direct = this.#direct(target, file, name, isFolder, options);
    if (direct.length > 0) return direct.map((stage) => ({ stage }));
    if (isFolder) return this.#below(path).map((stage) => ({ stage }));
    return this.#output(target, path) ?? this.#named(target, file, options).map((stage) => ({ stage }));
  }

  /** Stages that the target names plainly, so that no other file need be read. */
  #direct(
    target: string,
    file: string | undefined,
    name: string | undefined,
    isFolder: boolean,
    options: CollectTargets,
  ): readonly Stage[] {
    if (file !== undefined) {
      if (options.withDeps === true || (options.glob !== true && !isStageFileName(file))) return [];
      return stagesIn(this.#repo, this.files, file, name, options);
    }
    if (isFolder || !this.files.hasProjectFile(this.#repo.env.cwd)) return [];
    try {
      const stages = stagesIn(this.#repo, this.files, undefined, target, options);
      return options.withDeps === true ? this.#withDeps(stages) : stages;
    } catch (error) {
      if (error instanceof MissingStageError) return [];
      throw error;
    }
  }

  /** The output that `path` is, or lies in. Checks the graph first: with overlaps there would be several. */
  #output(target: string, path: OsPath): Selected[] | undefined {
    const { outs } = this.graph;
    const owned = outs.covering(target === "" ? this.#repo.root : path);
    if (owned === undefined) return undefined;
    const { stage, out } = owned;
    if (path === out.path) return [{ stage, out }];
    return [{ stage, out, within: relative(out.path, path).split(sep).join("/") }];
  }

  #named(target: string, file: string | undefined, options: CollectTargets): readonly Stage[] {
    let stages: readonly Stage[];
    try {
      stages = stagesOfTarget(this.#repo, this.files, target, options);
    } catch (error) {
      const isFileNamed = file !== undefined && isStageFileName(file);
      if (error instanceof MissingStageError || (error instanceof MissingStageFileError && !isFileNamed)) {
        throw new DvcError(`'${target}' does not exist as an output or a stage name in '${error.file}'`, {
          code: "not-found",
          cause: error,
        });
      }
      throw error;
    }
    return options.withDeps === true ? this.#withDeps(stages) : stages;
  }

  #withDeps(stages: readonly Stage[]): readonly Stage[] {
    const { graph } = this;
    const known = new Set(graph.stages);
    for (const stage of stages) {
      if (known.has(stage)) continue;
      throw new DvcError(
        `Stage stage: '${addressing(this.#repo, stage)}' is not found in the project. Check that there are no symlinks in the parents leading up to it within the project.`,
        { code: "not-found" },
      );
    }
    return ancestors(graph, stages);
  }

  #below(folder: OsPath): readonly Stage[] {
    return ancestors(this.graph, this.stages).filter((stage) => stage.file !== folder && isInside(folder, stage.file));
  }
}

function keyOf(stage: Stage): string {
  return `${stage.file}\0${stage.name ?? ""}`;
}
