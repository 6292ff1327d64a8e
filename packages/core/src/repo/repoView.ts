import { lstatSync, readdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DvcError, UnsafePathError } from "../base/errors.ts";
import { isInside, isStrictlyInside, type OsPath, posixRelative, type RelPath } from "../base/paths.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import type { Tree } from "../odb/tree.ts";
import type { GitTree } from "../scm/gitTree.ts";
import { cacheFor, recordedHash, type StageOutput } from "./dataRoots.ts";
import { copyAsNew } from "./newFile.ts";
import { loadIndex } from "./index.ts";
import type { Repo } from "./repo.ts";

/** One file or folder of a repository, whether Git has it or only a `.dvc` file tells of it. */
export interface ViewEntry {
  /** Absolute, as if checked out. */
  readonly path: OsPath;
  readonly isDir: boolean;
  readonly isExec: boolean;
  /** Bytes, as the plain files or the records tell them; manifests tell none. */
  readonly size: number | undefined;
  /** Tracked by a `.dvc` file or a stage, or inside a folder that is. */
  readonly isOut: boolean;
  /** Recorded hash of what is tracked. */
  readonly hash: string | undefined;
  /** Whether the plain files (workspace or commit) hold it, not only the records. */
  readonly isPlain: boolean;
  /** A link of the workspace that leads to a folder. */
  readonly isFolderLink: boolean;
}

interface PlainInfo {
  readonly isDir: boolean;
  readonly isExec: boolean;
  readonly size: number;
  readonly isFolderLink?: boolean;
}

/** The plain files of a repository: its workspace, or a commit. Paths absolute. */
export interface PlainFiles {
  /** `project` is the innermost one that holds `path`: its ignore rules count. */
  info(path: OsPath, project: Repo | undefined): PlainInfo | undefined;
  /** Names in a folder; undefined when it is none. */
  names(path: OsPath): readonly string[] | undefined;
  /** Copies the bytes of a file to the new file `to`. @throws {UnsafePathError} for a link that leads elsewhere. */
  copy(path: OsPath, to: OsPath): void;
  /** Where on this machine's disks the bytes of a file are; undefined for a commit. @throws as `copy`. */
  locate(path: OsPath): OsPath | undefined;
}

/** Reads a manifest that may lie on a remote only; undefined when it cannot be had. */
export type ManifestReader = (repo: Repo, one: StageOutput) => Promise<Tree | undefined>;

/** What is on disk below `root`, without what `.dvcignore` leaves out. */
export function workspaceFiles(root: OsPath): PlainFiles {
  let realRoot: OsPath | undefined;
  return {
    info(path, repo) {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) {
        const isBrokenLink = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
        return isBrokenLink && !isLeftOut(repo, path, false) ? BROKEN_LINK : undefined;
      }
      const isDir = stat.isDirectory();
      if (isLeftOut(repo, path, isDir)) return undefined;
      const isFolderLink = isDir && lstatSync(path).isSymbolicLink();
      return { isDir, isExec: stat.isFile() && (stat.mode & 0o111) !== 0, size: stat.size, isFolderLink };
    },
    names(path) {
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
      return readdirSync(path).filter((name) => name !== ".dvc" && name !== ".git");
    },
    copy(path, to) {
      copyAsNew(this.locate(path) ?? path, to);
    },
    locate(path) {
      realRoot ??= realpathSync(root);
      const real = realpathSync(path);
      if (!isInside(realRoot, real)) throw leavingLink(path);
      // To open a pipe would wait for whoever writes to it.
      if (!statSync(real).isFile()) throw notPlain(path);
      return real;
    },
  };
}

/** A link to nowhere: DVC lists it as an empty file. */
const BROKEN_LINK = { isDir: false, isExec: false, size: 0 };

function notPlain(path: OsPath): DvcError {
  return new DvcError(`'${path}' is neither a file nor a folder (a pipe, socket or device)`, {
    code: "io",
    hint: "Nothing was written. Leave it out, or remove it there.",
  });
}

function leavingLink(path: OsPath): UnsafePathError {
  return new UnsafePathError(`'${path}' is a link that leaves its repository or leads nowhere`, {
    hint: "Nothing was written. Ask the owner of the repository, or name what the link points to.",
  });
}

function isLeftOut(repo: Repo | undefined, path: OsPath, isDir: boolean): boolean {
  if (repo === undefined) return path.endsWith("/.git");
  if (path === repo.root || !isInside(repo.root, path)) return false;
  return isDir ? repo.ignore.dir(path) : repo.ignore.file(path);
}

/** The files of a commit. */
export function commitFiles(tree: GitTree): PlainFiles {
  const isExec = (path: OsPath): boolean => tree.entry(posixRelative(tree.root, path))?.mode === "100755";
  return {
    info(path) {
      if (tree.isFile(path)) return { isDir: false, isExec: isExec(path), size: tree.size(path) ?? 0 };
      if (tree.entry(posixRelative(tree.root, path))?.mode === "120000") return BROKEN_LINK;
      return path === tree.root || tree.exists(path) ? { isDir: true, isExec: false, size: 0 } : undefined;
    },
    names(path) {
      if (tree.isFile(path) || (path !== tree.root && !tree.exists(path))) return undefined;
      return tree
        .children(path)
        .map((child) => child.name)
        .filter((name) => name !== ".dvc" && name !== ".git");
    },
    copy(path, to) {
      const bytes = tree.readBytes(path);
      if (bytes === undefined) throw leavingLink(path);
      writeFileSync(to, bytes, { flag: "wx" });
    },
    locate: () => undefined,
  };
}

/** One project inside the repository (the repository itself, or a sub-project) with what it tracks. */
interface Project {
  readonly root: OsPath;
  readonly repo: Repo;
  readonly outs: ReadonlyMap<OsPath, StageOutput>;
  /** Folders above outputs, with the names below each that lead to outputs. */
  readonly folders: ReadonlyMap<OsPath, ReadonlySet<string>>;
}

/** A repository as its users see it: plain files and tracked data as one tree. */
export class RepoView {
  readonly root: OsPath;
  readonly #files: PlainFiles;
  readonly #rev: string | undefined;
  readonly #readManifest: ManifestReader;
  readonly #isProject: (root: OsPath) => boolean;
  readonly #openProject: (root: OsPath) => Promise<Repo | undefined>;
  readonly #projects = new Map<OsPath, Promise<Project | undefined>>();
  readonly #trees = new Map<StageOutput, Promise<Tree | undefined>>();

  /** `isProject` tells cheaply whether a folder may be the root of a project. `openProject` opens the (sub-)project rooted exactly at a folder; undefined when there is none. */
  constructor(at: {
    root: OsPath;
    files: PlainFiles;
    rev: string | undefined;
    readManifest: ManifestReader;
    isProject: (root: OsPath) => boolean;
    openProject: (root: OsPath) => Promise<Repo | undefined>;
  }) {
    this.root = at.root;
    this.#files = at.files;
    this.#rev = at.rev;
    this.#readManifest = at.readManifest;
    this.#isProject = at.isProject;
    this.#openProject = at.openProject;
  }

  /** The file or folder at `path`; undefined when neither plain files nor records have it. */
  async info(path: OsPath): Promise<ViewEntry | undefined> {
    const project = await this.#projectAt(path);
    const plain = this.#files.info(path, project?.repo);
    const tracked = project === undefined ? undefined : await this.#tracked(project, path);
    return merge(
      path,
      plain,
      plain !== undefined && tracked !== undefined && plain.isDir !== tracked.isDir ? undefined : tracked,
    );
  }

  /**
   * The children of a folder, in no order; undefined when `path` is none. `dvcOnly`: only what is tracked (and folders that
   * lead there), as it is recorded.
   */
  async children(path: OsPath, dvcOnly = false): Promise<ViewEntry[] | undefined> {
    const own = await this.info(path);
    if (own?.isDir !== true) return undefined;
    const project = await this.#projectAt(path);
    const names = new Set(dvcOnly ? [] : (this.#files.names(path) ?? []));
    if (project !== undefined) for (const name of await this.#trackedNames(project, path)) names.add(name);
    const entries: ViewEntry[] = [];
    for (const name of names) {
      const child = join(path, name);
      if (await this.#isOtherProject(child)) continue;
      const entry = dvcOnly ? await this.#recorded(project, child) : await this.info(child);
      if (entry !== undefined && !(dvcOnly && !this.#leadsToData(project, entry))) entries.push(entry);
    }
    return entries;
  }

  async #recorded(project: Project | undefined, path: OsPath): Promise<ViewEntry | undefined> {
    const tracked = project === undefined ? undefined : await this.#tracked(project, path);
    return merge(path, undefined, tracked);
  }

  /** The tracked output that holds `path`, with the project it belongs to. */
  async outputAt(path: OsPath): Promise<{ repo: Repo; one: StageOutput; within: RelPath | undefined } | undefined> {
    const project = await this.#projectAt(path);
    const one = project === undefined ? undefined : outputHolding(project, path);
    if (project === undefined || one === undefined) return undefined;
    return { repo: project.repo, one, within: one.out.path === path ? undefined : posixRelative(one.out.path, path) };
  }

  /** A sub-project is seen only by who asks for it by its path. */
  async #isOtherProject(folder: OsPath): Promise<boolean> {
    return this.#isProject(folder) && (await this.#project(folder)) !== undefined;
  }

  /** Copies a plain file. @throws {UnsafePathError} for a link that leaves the repository. */
  copyPlain(path: OsPath, to: OsPath): void {
    this.#files.copy(path, to);
  }

  /** Where on disk a plain file's bytes are; undefined in a commit. @throws as {@link RepoView.copyPlain}. */
  plainPath(path: OsPath): OsPath | undefined {
    return this.#files.locate(path);
  }

  #leadsToData(project: Project | undefined, entry: ViewEntry): boolean {
    return entry.isOut || project?.folders.has(entry.path) === true;
  }

  async #tracked(project: Project, path: OsPath): Promise<TrackedInfo | undefined> {
    if (project.folders.has(path)) return folderInfo(false);
    const one = outputHolding(project, path);
    if (one === undefined) return undefined;
    const hash = recordedHash(one);
    if (one.out.path === path) {
      const isDir = hash === undefined ? one.out.meta.nfiles !== undefined : isDirHash(hash.value);
      const size = one.out.meta.size ?? (isDir ? undefined : 0);
      return { isDir, size, hash: hash?.value, isOut: true };
    }
    const tree = await this.#tree(project, one);
    if (tree === undefined) return undefined;
    const rel = posixRelative(one.out.path, path);
    const file = tree.get(rel);
    if (file !== undefined)
      return {
        isDir: false,
        size: file.size,
        hash: file.md5,
        isOut: true,
      };
    return tree.hasFolder(rel) ? folderInfo(true) : undefined;
  }

  async #trackedNames(project: Project, path: OsPath): Promise<Iterable<string>> {
    const leading = project.folders.get(path);
    if (leading !== undefined) return leading;
    const one = outputHolding(project, path);
    const hash = one === undefined ? undefined : recordedHash(one);
    // Nothing is recorded of what was never made, nor of what is in a folder that stands where a file was recorded.
    if (one === undefined || hash === undefined || !isDirHash(hash.value)) return [];
    const rel = posixRelative(one.out.path, path);
    const tree = await this.#tree(project, one);
    if (tree === undefined) throw brokenFolder(project, one);
    const names = new Set<string>();
    const prefix = rel === "." ? "" : `${rel}/`;
    for (const entry of rel === "." ? tree.entries : tree.under(rel)) {
      names.add(entry.relpath.slice(prefix.length).split("/", 1)[0] ?? "");
    }
    return names;
  }

  #tree(project: Project, one: StageOutput): Promise<Tree | undefined> {
    const known = this.#trees.get(one);
    if (known !== undefined) return known;
    const read = this.#readManifest(project.repo, one).catch((error: unknown) => {
      if (error instanceof DvcError && REFUSALS.has(error.code)) throw error;
      throw brokenFolder(project, one, error);
    });
    this.#trees.set(one, read);
    return read;
  }

  /** The innermost project whose root is `path` or above it. */
  async #projectAt(path: OsPath): Promise<Project | undefined> {
    for (let at = path; isInside(this.root, at); at = dirname(at)) {
      const project = await this.#project(at);
      if (project !== undefined) return project;
      if (at === this.root) break;
    }
    return undefined;
  }

  #project(root: OsPath): Promise<Project | undefined> {
    const known = this.#projects.get(root);
    if (known !== undefined) return known;
    const opened = this.#isProject(root)
      ? this.#openProject(root).then((repo) => (repo === undefined ? undefined : loadProject(repo, root, this.#rev)))
      : Promise.resolve(undefined);
    this.#projects.set(root, opened);
    return opened;
  }
}

/** What is wrong with a manifest or with the way to it, and no mere absence: said as it is. */
const REFUSALS: ReadonlySet<string> = new Set(["unsafe-path", "format", "corrupt-object", "config", "graph"]);

/** DVC's text for a folder whose manifest is nowhere, or can't be fetched; DVC calls that unexpected. */
function brokenFolder(project: Project, one: StageOutput, cause?: unknown): Error {
  const parts = posixRelative(project.root, one.out.path).split("/");
  const key = parts.map((part) => `'${part}'`).join(", ");
  const why = cause ?? new Error(`[Errno 2] No such file or directory: '${manifestPath(project, one)}'`);
  return new Error(`failed to load directory (${key}${parts.length === 1 ? "," : ""})`, { cause: why });
}

function manifestPath(project: Project, one: StageOutput): OsPath {
  const hash = recordedHash(one);
  return hash === undefined ? one.out.path : cacheFor(project.repo, hash).pathOf(hash.value);
}

interface TrackedInfo {
  readonly isDir: boolean;
  readonly size: number | undefined;
  readonly hash: string | undefined;
  readonly isOut: boolean;
}

function folderInfo(isOut: boolean): TrackedInfo {
  return { isDir: true, size: undefined, hash: undefined, isOut };
}

function loadProject(repo: Repo, root: OsPath, rev: string | undefined): Project {
  const outs = new Map<OsPath, StageOutput>();
  const folders = new Map<OsPath, Set<string>>();
  for (const one of loadIndex(repo, rev === undefined ? {} : { rev }).outs) {
    if (!one.out.useCache || !one.out.isLocal) continue;
    outs.set(one.out.path, one);
    for (let path = one.out.path; isStrictlyInside(root, path); path = dirname(path)) {
      const parent = dirname(path);
      const names = folders.get(parent) ?? new Set<string>();
      names.add(path.slice(parent.length + 1));
      folders.set(parent, names);
    }
  }
  return { root, repo, outs, folders };
}

function outputHolding(project: Project, path: OsPath): StageOutput | undefined {
  for (let at = path; isStrictlyInside(project.root, at); at = dirname(at)) {
    const one = project.outs.get(at);
    if (one !== undefined) return one;
  }
  return undefined;
}

function merge(path: OsPath, plain: PlainInfo | undefined, tracked: TrackedInfo | undefined): ViewEntry | undefined {
  if (plain === undefined && tracked === undefined) return undefined;
  return {
    path,
    isDir: plain?.isDir ?? tracked?.isDir ?? false,
    isExec: plain?.isExec ?? false,
    size: plain?.size ?? tracked?.size,
    isOut: tracked?.isOut ?? false,
    hash: tracked?.hash,
    isPlain: plain !== undefined,
    isFolderLink: plain?.isFolderLink ?? false,
  };
}
