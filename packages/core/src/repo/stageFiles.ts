import { basename, dirname, join, relative } from "node:path";
import { DvcError, GitIgnoredError, InvalidFileError, NotDvcRepoError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { readPlainText } from "../fs/atomic.ts";
import { readdirSync, statSync } from "node:fs";
import { loadDvcFile, loadProject, type ProjectView } from "../pipeline/load.ts";
import { lockFileOf } from "../pipeline/save.ts";
import type { FileSource, LoadContext } from "../pipeline/source.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import { DvcIgnore } from "./ignore.ts";
import { parsedFiles } from "./parsedFiles.ts";
import type { Repo } from "./repo.ts";

/** Name of the file that holds pipelines. */
export const PROJECT_FILE = "dvc.yaml";
/** Name of the file that DVC writes beside it. */
export const LOCK_FILE = "dvc.lock";
/** End of the names of files that hold one stage each. */
export const DVC_SUFFIX = ".dvc";

/** Whether a file of this name holds stages. */
export function isStageFileName(path: string): boolean {
  return path.endsWith(DVC_SUFFIX) || (path.endsWith(PROJECT_FILE) && basename(path) === PROJECT_FILE);
}

/** Files that make a folder a part of a project. DVC does not count them among the files of a folder. */
export function isDvcFileName(path: string): boolean {
  return isStageFileName(path) || basename(path) === ".dvcignore";
}

/** The stage files of the workspace or of a commit, each read at most once. */
export class StageFiles {
  readonly source: FileSource;
  readonly ignore: DvcIgnore;
  readonly #repo: Repo;
  /** Undefined for the workspace. */
  readonly #rev: string | undefined;
  readonly #children: (folder: OsPath) => readonly FolderChild[];
  readonly #stages = new Map<OsPath, readonly Stage[]>();
  /** Those of each `dvc.yaml`, by name: one asked for alone is the same object as among all. */
  readonly #named = new Map<OsPath, Map<string, Stage>>();
  readonly #projects = new Map<OsPath, ProjectView>();
  /** Files of which the walk has just seen that they are plain ones: no need to ask again. */
  readonly #seen = new Set<OsPath>();
  #loadContext: LoadContext | undefined;

  constructor(repo: Repo, rev: string | undefined) {
    this.#repo = repo;
    this.#rev = rev;
    if (rev === undefined || repo.git === undefined) {
      this.source = repo.workspace;
      this.ignore = repo.ignore;
      this.#children = childrenOnDisk;
      return;
    }
    const tree = repo.git.tree(rev);
    if (repo.root !== repo.git.root && !tree.isFolder(repo.root)) {
      throw new NotDvcRepoError(`Commit '${rev.slice(0, 7)}' does not contain a DVC repo`);
    }
    this.source = tree;
    this.ignore = new DvcIgnore(repo.root, {
      reader: tree,
      isProject: (folder) => tree.isFolder(join(folder, ".dvc")),
    });
    this.#children = (folder) => tree.children(folder).map(({ name, isDir }) => ({ name, isDir, isFile: !isDir }));
  }

  /**
   * All stages, by folder from the root down, a folder's files before its sub-folders, each in order of name. Tracked
   * folders, ignored folders and what Git ignores are not looked into.
   * @throws what loading throws, for the first file that can't be read, unless `onError` takes it: such files are left out.
   */
  all(onError?: (file: OsPath, error: unknown) => void): Stage[] {
    const stages: Stage[] = [];
    const outs = new Set<OsPath>();
    const folders = [this.#repo.root];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const below: OsPath[] = [];
      for (const child of [...this.#children(folder)].sort(byName)) {
        const path = join(folder, child.name);
        if (child.isDir) below.push(path);
        else if (isStageFileName(child.name) && this.#isCollected(path, child)) {
          if (child.isFile) this.#seen.add(path);
          for (const stage of this.#readable(path, onError)) {
            stages.push(stage);
            for (const out of stage.outs) if (out.isLocal) outs.add(out.path);
          }
        }
      }
      folders.push(...below.filter((path) => this.#isEntered(path, outs)).reverse());
    }
    return stages;
  }

  #readable(path: OsPath, onError: ((file: OsPath, error: unknown) => void) | undefined): readonly Stage[] {
    try {
      const stages = this.stagesOf(path);
      if (!path.endsWith(DVC_SUFFIX)) this.#atRevision(() => this.project(path)).checkTop();
      return stages;
    } catch (error) {
      if (onError === undefined) throw error;
      onError(path, error);
      return [];
    }
  }

  #isCollected(path: OsPath, child: FolderChild): boolean {
    if (!child.isFile && !this.source.isFile(path)) return false;
    return !this.ignore.file(path) && !(this.#gitIgnored?.ignoresFile(path) ?? false);
  }

  #isEntered(path: OsPath, outs: ReadonlySet<OsPath>): boolean {
    return !outs.has(path) && !this.ignore.dir(path) && !(this.#gitIgnored?.ignoresFolder(path) ?? false);
  }

  get #context(): LoadContext {
    if (this.#loadContext === undefined) {
      const { loadContext, siteDir } = this.#repo;
      const isWorkspace = this.source === this.#repo.workspace;
      this.#loadContext = isWorkspace ? { ...loadContext, parsed: parsedFiles(join(siteDir, "parsed")) } : loadContext;
    }
    return this.#loadContext;
  }

  /** The source, without a look at what kind of file it is. */
  get #plainFiles(): FileSource {
    const { source } = this;
    return source === this.#repo.workspace ? { ...source, readText: readPlainText } : source;
  }

  /** Git's rules do not speak of what is in a commit. */
  get #gitIgnored(): Repo["gitIgnored"] {
    return this.#rev === undefined ? this.#repo.gitIgnored : undefined;
  }

  /** The stages of one file, without asking whether it may be read. */
  stagesOf(file: OsPath): readonly Stage[] {
    const known = this.#stages.get(file);
    if (known !== undefined) return known;
    const stages = this.#load(file);
    this.#stages.set(file, stages);
    return stages;
  }

  #load(file: OsPath): readonly Stage[] {
    if (!file.endsWith(DVC_SUFFIX)) {
      const names = this.#atRevision(() => this.project(file).names());
      return names.map((name) => this.#requireStage(file, name));
    }
    const source = this.#seen.has(file) ? this.#plainFiles : this.source;
    return [this.#noted(this.#atRevision(() => loadDvcFile(file, source, this.#context)))];
  }

  /** One stage of a `dvc.yaml`, whatever is wrong with the others; undefined when there is none of that name. */
  stageOf(file: OsPath, name: string): Stage | undefined {
    const named = this.#named.get(file) ?? new Map<string, Stage>();
    this.#named.set(file, named);
    const known = named.get(name);
    if (known !== undefined) return known;
    const loaded = this.#atRevision(() => this.project(file).stage(name));
    if (loaded === undefined) return undefined;
    named.set(name, this.#noted(loaded));
    return loaded;
  }

  /** A value with an "@" in it makes a name that is taken apart at the wrong place. */
  #requireStage(file: OsPath, name: string): Stage {
    const stage = this.stageOf(file, name);
    if (stage === undefined) throw new MissingStageError(name, relative(this.#repo.env.cwd, file));
    return stage;
  }

  #noted(stage: Stage): Stage {
    for (const out of stage.outs) {
      if (out.tree !== undefined) this.#repo.cache.noteTree(out.tree);
      this.#refuseIgnored(out);
    }
    return stage;
  }

  /** What the rules leave out can't be looked at: it would seem to be gone. @throws {DvcError} in DVC's words */
  #refuseIgnored({ isLocal, isInRepo, path }: Output): void {
    if (!isLocal || !isInRepo || this.ignore.isFree(dirname(path))) return;
    const isFolder = this.#rev === undefined && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    const { isIgnored, rule } = this.ignore.check(path, isFolder);
    if (isIgnored && rule !== undefined && !rule.startsWith("in sub_repo:"))
      throw new DvcError(`Path '${path}' is ignored by ${rule}`);
  }

  /** Pages about a file of a commit say of which commit. */
  #atRevision<T>(load: () => T): T {
    try {
      return load();
    } catch (error) {
      if (this.#rev === undefined || !(error instanceof InvalidFileError)) throw error;
      throw error.inRevision(this.#rev.slice(0, 7));
    }
  }

  /** Every `dvc.yaml` read so far. */
  get projects(): Iterable<ProjectView> {
    return this.#projects.values();
  }

  /** One `dvc.yaml`. @throws {GitIgnoredError} when Git ignores the dvc.lock beside it, there or not */
  project(file: OsPath): ProjectView {
    const known = this.#projects.get(file);
    if (known !== undefined) return known;
    const project = this.#atRevision(() => loadProject(file, this.source, this.#context));
    const lock = lockFileOf(file);
    if (this.#gitIgnored?.ignoresFile(lock) === true) throw new GitIgnoredError(`'${lock}' is git-ignored.`);
    this.#projects.set(file, project);
    return project;
  }

  /**
   * Makes sure that a file that somebody named holds stages. `shown` is the file's name in the message that it is not there.
   * @throws {DvcError} in DVC's words: missing, ignored, badly named, not a file, ignored by Git.
   */
  require(file: OsPath, shown: string): void {
    const { cwd } = this.#repo.env;
    if (this.ignore.file(file)) throw new MissingStageFileError(`'${shown}' is dvc-ignored`, shown);
    if (!this.source.exists(file)) throw new MissingStageFileError(`'${shown}' does not exist`, shown);
    const name = relative(cwd, file);
    if (!isStageFileName(file)) {
      throw new DvcError(
        `bad DVC file name '${name}'. DVC files should be named 'dvc.yaml' or have a '.dvc' suffix (e.g. '${basename(file)}.dvc').`,
      );
    }
    if (!this.source.isFile(file)) {
      const isMeant = this.source.isFile(`${file}${DVC_SUFFIX}`);
      throw new DvcError(`'${file}' is not a .dvc file${isMeant ? `. Do you mean '${file}${DVC_SUFFIX}'?` : ""}`);
    }
    if (this.#gitIgnored?.ignoresFile(file) === true)
      throw new GitIgnoredError(`bad DVC file name '${name}' is git-ignored.`);
  }

  /** Whether there is a `dvc.yaml` in `folder` that is not ignored. */
  hasProjectFile(folder: OsPath): boolean {
    return this.source.isFile(join(folder, PROJECT_FILE));
  }

  isFolder(path: OsPath): boolean {
    return this.source.exists(path) && !this.source.isFile(path);
  }

  /** Whether `path` lies below a folder; used for targets of `-R`. */
  static isBelow(stage: Stage, folder: OsPath): boolean {
    const own = dirname(stage.file);
    return own === folder || own.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
  }
}

/** A file of stages that is not there, or that the project does not look at. `file` is its name as shown. */
export class MissingStageFileError extends DvcError {
  readonly file: string;
  constructor(message: string, file: string) {
    super(message, { code: "not-found" });
    this.file = file;
  }
}

/** A name that no stage of a file has. `file` is shown relative to the working folder. */
export class MissingStageError extends DvcError {
  readonly file: string;
  constructor(name: string, file: string) {
    super(`Stage '${name}' not found inside '${file}' file`, { code: "not-found" });
    this.file = file;
  }
}

interface FolderChild {
  readonly name: string;
  readonly isDir: boolean;
  /** False also for links and other things that may lead to a file. */
  readonly isFile: boolean;
}

function byName(a: FolderChild, b: FolderChild): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function childrenOnDisk(folder: OsPath): FolderChild[] {
  try {
    const children: FolderChild[] = [];
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const isDir = entry.isDirectory();
      // Data is the most of what lies about: left out before it costs anything.
      if (isDir || isStageFileName(entry.name)) children.push({ name: entry.name, isDir, isFile: entry.isFile() });
    }
    return children;
  } catch (error) {
    // Gone since it was listed, or not ours to read: DVC's walk passes over both.
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR") {
      if (statSync(folder, { throwIfNoEntry: false }) === undefined || code === "EACCES") return [];
    }
    throw error;
  }
}
