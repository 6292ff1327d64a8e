import type { BigIntStats } from "node:fs";
import { lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DvcError, UsageError } from "../base/errors.ts";
import type { OsPath, RelPath } from "../base/paths.ts";
import { ioError } from "./ioError.ts";
import { compareCodePoints, sortByCodePoint } from "../base/codePoints.ts";

/** Which folders and files a walk leaves out: true = leave out. Absolute paths. */
export interface IgnorePredicate {
  dir(path: OsPath): boolean;
  file(path: OsPath): boolean;
  /**
   * True when no rule speaks of what lies below a folder, unless a file of rules or another project lies there: then nobody
   * need ask for each name. Reserved names (`.git`, `.dvc`, `.hg`) are left out all the same.
   */
  isFree?(folder: OsPath): boolean;
}

/** Called for each file in code point order of its relpath. `stat` is that of the file itself, links followed. */
export type VisitFile = (path: OsPath, relpath: RelPath, stat: BigIntStats) => void;

/** Options of {@link walkFiles}. */
export interface WalkOptions {
  readonly ignore?: IgnorePredicate | undefined;
  /** Only this file, or the files below this folder, relative to the root. */
  readonly within?: RelPath | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called for each symlinked folder, which the walk (as DVC's) leaves out. */
  readonly onLinkedFolder?: ((path: OsPath) => void) | undefined;
  /** Called for each link that leads nowhere, which is then left out; without it, it is an error. */
  readonly onBrokenLink?: ((path: OsPath) => void) | undefined;
  /** Called for each folder below the root, as it is entered; "/" at the end. */
  readonly onFolder?: ((rel: RelPath) => void) | undefined;
  /** Called before each file that is a symlink or has several names. */
  readonly onLinkedFile?: ((isLink: boolean) => void) | undefined;
  /** Names in a folder (its relpath, "/" at the end; "" the root) when they are known, in order; otherwise it is listed. */
  readonly namesOf?: ((folder: RelPath) => readonly string[] | undefined) | undefined;
  /** Asked for each name that is not ignored: true when it is a file whose condition is known, and was noted. */
  readonly isKnown?: ((path: OsPath, relpath: RelPath) => boolean) | undefined;
}

const IGNORE_FILE = ".dvcignore";
const TYPE_MASK = 0o170000n;
const TYPE_FOLDER = 0o040000n;
const TYPE_FILE = 0o100000n;
const TYPE_LINK = 0o120000n;
/** What a decoder makes of a byte that is not UTF-8. */
const REPLACEMENT = "\ufffd";

/**
 * Walks all files below `root`, in code point order of their whole relative path, holding nothing but the folders open.
 * Linked files are followed, linked folders are not. Empty folders vanish.
 *
 * @throws {UsageError} for a `.dvcignore` inside the folder, @throws {DvcError} `[Errno 2] …` for a broken link, and for
 * names that are not UTF-8, special files, and what cannot be read.
 */
export function walkFiles(root: OsPath, options: WalkOptions, visit: VisitFile): void {
  const within = options.within;
  if (within === undefined || within === "" || within === ".") {
    walkFolder(root, "", options, visit);
    return;
  }
  const path = join(root, within);
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return;
  if ((stat.mode & TYPE_MASK) === TYPE_FOLDER) {
    if (options.ignore?.dir(path) !== true) walkFolder(path, `${within}/`, options, visit);
  } else if (options.ignore?.file(path) !== true) {
    visitFile(path, within, stat, options, visit);
  }
}

function walkFolder(folder: OsPath, prefix: string, options: WalkOptions, visit: VisitFile): void {
  options.signal?.throwIfAborted();
  const base = folder.endsWith("/") ? folder : `${folder}/`;
  // Subfolders sort by their name and a slash, so one found early may come after files such as "a.b" (for "a").
  let waiting: string[] = [];
  const enter = (key: string): void => {
    options.onFolder?.(prefix + key);
    walkFolder(base + key.slice(0, -1), prefix + key, options, visit);
  };
  for (const name of options.namesOf?.(prefix) ?? namesIn(folder)) {
    if (waiting.length > 0) waiting = enterBefore(waiting, name, enter);
    const path = base + name;
    if (options.isKnown?.(path, prefix + name) === true) continue;
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) continue; // Removed since it was listed.
    if ((stat.mode & TYPE_MASK) === TYPE_FOLDER) {
      if (options.ignore?.dir(path) !== true) waiting.push(`${name}/`);
    } else if (options.ignore?.file(path) !== true) {
      if (name === IGNORE_FILE) throw ignoreFileError(folder);
      visitFile(path, prefix + name, stat, options, visit);
    }
  }
  for (const key of waiting.length > 1 ? sortByCodePoint(waiting) : waiting) enter(key);
}

/** Enters, in order, the waiting folders that come before `name`; returns the rest. */
function enterBefore(waiting: string[], name: string, enter: (key: string) => void): string[] {
  const due = waiting.filter((key) => compareCodePoints(key, name) < 0);
  if (due.length === 0) return waiting;
  for (const key of sortByCodePoint(due)) enter(key);
  return due.length === waiting.length ? [] : waiting.filter((key) => !due.includes(key));
}

function visitFile(path: OsPath, relpath: RelPath, stat: BigIntStats, options: WalkOptions, visit: VisitFile): void {
  let type = stat.mode & TYPE_MASK;
  let target = stat;
  if (type === TYPE_LINK) {
    try {
      target = statSync(path, { bigint: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || options.onBrokenLink === undefined)
        throw ioError(error, path);
      options.onBrokenLink(path);
      return;
    }
    type = target.mode & TYPE_MASK;
    if (type === TYPE_FOLDER) {
      options.onLinkedFolder?.(path);
      return;
    }
  }
  if (type !== TYPE_FILE)
    throw new DvcError(`'${path}' is neither a file nor a folder (a pipe, socket or device)`, {
      code: "unsupported",
      hint: "Move it out of the tracked folder, or name it in .dvcignore.",
    });
  if (stat.nlink > 1n || target !== stat) options.onLinkedFile?.(target !== stat);
  visit(path, relpath, target);
}

function namesIn(folder: OsPath): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw ioError(error, folder);
  }
  for (const name of names) if (name.includes(REPLACEMENT)) checkEncoding(folder);
  return sortByCodePoint(names);
}

/** A name that is not UTF-8 cannot stand in a manifest: two such names would become one. */
function checkEncoding(folder: OsPath): void {
  for (const raw of readdirSync(folder, { encoding: "buffer" })) {
    if (Buffer.from(raw.toString("utf8"), "utf8").equals(raw)) continue;
    const shown = raw.toString("latin1").replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`);
    throw new DvcError(`the name of '${shown}' in '${folder}' is not valid UTF-8`, {
      code: "unsupported",
      hint: "Rename the file; names in a tracked folder are stored as UTF-8.",
    });
  }
}

/** @throws {UsageError} for a `.dvcignore` that lies at `relpath` in a folder that is to be tracked */
export function refuseIgnoreFile(root: string, relpath: RelPath): void {
  if (relpath !== IGNORE_FILE && !relpath.endsWith(`/${IGNORE_FILE}`)) return;
  throw ignoreFileError(`${root}/${relpath}`.slice(0, -IGNORE_FILE.length - 1));
}

function ignoreFileError(folder: OsPath): UsageError {
  return new UsageError(`${IGNORE_FILE} file should not be in collected dir path: '${folder}'`, {
    code: "ignore-file-inside",
  });
}
