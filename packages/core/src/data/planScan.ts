import type { BigIntStats } from "node:fs";
import { lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { OsPath, RelPath } from "../base/paths.ts";
import { isReservedName } from "../base/paths.ts";
import { ioError } from "./ioError.ts";
import type { IgnorePredicate } from "./walk.ts";
import type { WantedFiles } from "./wantedFiles.ts";

/** A file, link or special file of the workspace. */
export interface FoundFile {
  readonly rel: RelPath;
  readonly path: OsPath;
  /** Of the name itself: links are not followed. */
  readonly stat: BigIntStats;
  /** Of the regular file it is or leads to; undefined for a broken link, a linked folder, a pipe. */
  readonly target: BigIntStats | undefined;
  readonly isLink: boolean;
  readonly isBroken: boolean;
}

/** What to look for. */
export interface ScanOptions {
  readonly wants: WantedFiles;
  readonly within: RelPath | undefined;
  readonly isFolder: boolean;
  readonly ignore: IgnorePredicate | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What is there. */
export interface Scan {
  /** To be consumed once, while it is found: a huge folder's stats are never all in memory. */
  readonly files: Iterable<FoundFile>;
  /** Wanted files that something was found for; complete once `files` was consumed. */
  readonly seen: ReadonlySet<RelPath>;
  /** Folders that wanted files lie in. */
  readonly wantedFolders: ReadonlySet<RelPath>;
  /** Folders that are there. */
  readonly folders: ReadonlySet<RelPath>;
  /** Folders that hold nothing wanted, deepest first. */
  readonly extraFolders: readonly RelPath[];
  /** Folders where a file is wanted. */
  readonly inTheWay: readonly RelPath[];
}

const TYPE_MASK = 0o170000n;
const TYPE_FILE = 0o100000n;
const TYPE_FOLDER = 0o040000n;

/**
 * Looks at everything below an output (or the part `within`). Linked folders are never entered. Names that stand for
 * `.git` or `.dvc`, `.dvcignore` files, ignored files and links to folders are passed over, except where exactly that file is
 * wanted.
 */
export function scanWorkspace(root: OsPath, options: ScanOptions): Scan {
  const seen = new Set<RelPath>();
  const folders = new Set<RelPath>();
  const extraFolders: RelPath[] = [];
  const inTheWay: RelPath[] = [];
  const wantedFolders = foldersOf(options.wants.keys(), options.isFolder);
  const walker = new Walker(root, options, { seen, folders, extraFolders, inTheWay, wantedFolders });
  return { files: walker.start(), seen, folders, extraFolders, inTheWay, wantedFolders };
}

/** Folders that these files lie in, and those above; with `isFolder` also the root, ".". */
export function foldersOf(paths: Iterable<RelPath>, isFolder: boolean): Set<RelPath> {
  const folders = new Set<RelPath>();
  if (isFolder) folders.add(".");
  let last = "";
  for (const path of paths) {
    let slash = path.lastIndexOf("/");
    if (slash < 0) continue;
    let folder = path.slice(0, slash);
    if (folder === last) continue;
    last = folder;
    while (!folders.has(folder)) {
      folders.add(folder);
      slash = folder.lastIndexOf("/");
      if (slash < 0) break;
      folder = folder.slice(0, slash);
    }
  }
  return folders;
}

interface Sinks {
  readonly seen: Set<RelPath>;
  readonly folders: Set<RelPath>;
  readonly extraFolders: RelPath[];
  readonly inTheWay: RelPath[];
  readonly wantedFolders: Set<RelPath>;
}

class Walker {
  readonly #root: OsPath;
  readonly #options: ScanOptions;
  readonly #sinks: Sinks;

  constructor(root: OsPath, options: ScanOptions, sinks: Sinks) {
    this.#root = root;
    this.#options = options;
    this.#sinks = sinks;
  }

  *start(): Iterable<FoundFile> {
    const { within } = this.#options;
    const parts = within === undefined || within === "." ? [] : within.split("/");
    // The folders above the part are needed to know what exists; a link or file among them is in the way.
    let rel = ".";
    for (const part of parts) {
      const stat = lstatSync(this.#path(rel), { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) return;
      if (!stat.isDirectory()) {
        yield this.#file(rel, this.#path(rel), stat);
        return;
      }
      this.#sinks.folders.add(rel);
      rel = rel === "." ? part : `${rel}/${part}`;
    }
    const stat = lstatSync(this.#path(rel), { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isDirectory()) yield* this.#folder(rel);
    else yield this.#file(rel, this.#path(rel), stat);
  }

  *#folder(rel: RelPath): Iterable<FoundFile> {
    const { wants, ignore, signal } = this.#options;
    const { seen, folders, extraFolders, inTheWay, wantedFolders } = this.#sinks;
    signal?.throwIfAborted();
    const isWanted = wantedFolders.has(rel);
    folders.add(rel);
    if (wants.has(rel)) {
      seen.add(rel);
      inTheWay.push(rel);
    }
    const path = this.#path(rel);
    const prefix = rel === "." ? "" : `${rel}/`;
    const subfolders: string[] = [];
    for (const name of namesIn(path)) {
      const below = prefix + name;
      const full = `${path}/${name}`;
      const stat = lstatSync(full, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) continue;
      if ((stat.mode & TYPE_MASK) === TYPE_FOLDER) {
        if (!isReservedName(name) && (ignore?.dir(full) !== true || wantedFolders.has(below))) subfolders.push(below);
      } else if (wants.has(below) || wantedFolders.has(below) || !this.#isPassedOver(name, full, stat))
        yield this.#file(below, full, stat);
    }
    for (const below of subfolders) yield* this.#folder(below);
    if (!isWanted && !wants.has(rel)) extraFolders.push(rel);
  }

  #isPassedOver(name: string, path: OsPath, stat: BigIntStats): boolean {
    if (name === ".dvcignore" || isReservedName(name) || this.#options.ignore?.file(path) === true) return true;
    // No tool tracks a link to a folder, so none takes it away either.
    return stat.isSymbolicLink() && follow(path)?.isDirectory() === true;
  }

  #file(rel: RelPath, path: OsPath, stat: BigIntStats): FoundFile {
    if (this.#options.wants.has(rel)) this.#sinks.seen.add(rel);
    if ((stat.mode & TYPE_MASK) === TYPE_FILE) return { rel, path, stat, target: stat, isLink: false, isBroken: false };
    if (!stat.isSymbolicLink()) return { rel, path, stat, target: undefined, isLink: false, isBroken: false };
    const target = follow(path);
    const isFile = target !== undefined && (target.mode & TYPE_MASK) === TYPE_FILE;
    return { rel, path, stat, target: isFile ? target : undefined, isLink: true, isBroken: target === undefined };
  }

  #path(rel: RelPath): OsPath {
    return rel === "." ? this.#root : join(this.#root, rel);
  }
}

function follow(path: OsPath): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined; // a ring of links
  }
}

function namesIn(folder: OsPath): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw ioError(error, folder);
  }
}
