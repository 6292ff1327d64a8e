import { isUtf8 } from "node:buffer";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { DvcError, EncodingError, UnsafePathError } from "../base/errors.ts";
import { isReservedName, isStrictlyInside, type OsPath } from "../base/paths.ts";
import { closeQuietly } from "./closeQuietly.ts";
import { inHeldFolder } from "./heldFolders.ts";
import { makeFolders } from "./makeFolders.ts";
import { namesIn } from "./namesIn.ts";
import { ofFile } from "../base/ofFile.ts";

/** How an atomic write behaves. */
export interface AtomicOptions {
  /** Permission bits of the file; without it an existing file keeps its own and a new one gets 0666 less the umask. */
  readonly mode?: number;
  /** Create missing parent folders. */
  readonly parents?: boolean;
  /** Skip the flush to disk: only for files that are safe to lose (caches of facts). */
  readonly noSync?: boolean;
  /** Flush the bytes, not the folder: after a crash of the machine the old file may be back, whole. */
  readonly noFolderSync?: boolean;
  /**
   * The project (or Git repository) that the file is part of: a link that leads out of it, or into `.git` or `.dvc`, is
   * refused. A cloned repository may hold such a link where we are about to write.
   */
  readonly inside?: OsPath;
  /** Whether what a killed run left of the same file is removed; only with `inside`. As long as it is not said: of what is flushed. */
  readonly tidies?: boolean;
}

/** Names that `temporaryPath` makes; the pid tells whether the writer is still there. */
export const TEMPORARY_NAME: RegExp = /^\.(.*)\.(\d+)-([0-9a-z]+)\.hftmp$/s;

let serial = 0;
const salt = (): string => (Date.now() % 0xffffffff).toString(36) + (serial++).toString(36);

/**
 * A name for a temporary file or folder beside `target`: same folder, so that a rename stays on one file system.
 * Recognised later by `TEMPORARY_NAME`. `worker` keeps names of several threads apart.
 */
export function temporaryPath(target: OsPath, worker = 0): OsPath {
  const by = `${String(process.pid)}-${worker > 0 ? `w${String(worker)}z` : ""}${salt()}`;
  return join(dirname(target), `.${keptName(target)}.${by}.hftmp`);
}

/** What of a name stands in those of its temporary files: of long ones a part, to keep below the 255 bytes of file systems. */
function keptName(target: OsPath): string {
  const folder = dirname(target);
  const name = target.slice(folder.endsWith("/") ? folder.length : folder.length + 1);
  if (Buffer.byteLength(name) <= 180) return name;
  return Buffer.from(name)
    .subarray(0, 120)
    .toString("latin1")
    .replace(/[^\w.-]/g, "_");
}

/**
 * Whether `name` is a temporary name whose writer has ended, so that nobody will miss it. `pidAlive` is for tests.
 * On a shared disk the pid may belong to another machine: callers that clean also look at the age.
 */
export function isLeftover(name: string, pidAlive: (pid: number) => boolean = processAlive): boolean {
  const match = TEMPORARY_NAME.exec(name);
  return match !== null && !pidAlive(Number(match[2]));
}

/** Of the names beside `target`: the paths of what killed runs left that were making it. */
function leftOf(target: OsPath, names: readonly string[]): OsPath[] {
  const kept = keptName(target);
  return names
    .filter((name) => TEMPORARY_NAME.exec(name)?.[1] === kept && isLeftover(name))
    .map((name) => join(dirname(target), name));
}

/** What killed runs left that were making `target`: files or folders of temporary names beside it. */
export function leftoversOf(target: OsPath): OsPath[] {
  return leftOf(target, namesIn(dirname(target)));
}

/** Removes {@link leftoversOf} a path; what can't be removed stays. */
export function removeLeftovers(target: OsPath): void {
  leftoversOf(target).forEach(removeTreeQuietly);
}

/** Removes a file or folder of ours that nobody needs; what can't be removed (somebody else's, in use, on NFS) is in nobody's way. */
export function removeTreeQuietly(path: OsPath): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // A later run, or `gc`, knows it by its name.
  }
}

/** Temporary names by the folder: each folder that this process writes in is looked through once. */
const temporaryIn = new Map<OsPath, readonly string[]>();

/** The same for one file, of the names that were there at first. `folder` is its folder by name: `path` may lead through a descriptor. */
export function removeLeft(path: OsPath, folder: OsPath): void {
  let names = temporaryIn.get(folder);
  if (names === undefined)
    temporaryIn.set(folder, (names = namesIn(dirname(path)).filter((name) => TEMPORARY_NAME.test(name))));
  leftOf(path, names).forEach(removeQuietly);
}

/** Whether a process with this id runs on this machine (also one of another user). */
export function processAlive(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Whether it has ended and only its parent has not yet asked how: in containers nobody may ever ask. */
function isZombie(pid: number): boolean {
  if (process.platform !== "linux") return false;
  try {
    // The name, in brackets, may hold anything.
    return /^[ZX]/.test(readFileSync(`/proc/${String(pid)}/stat`, "latin1").replace(/^.*\) /s, ""));
  } catch {
    return false;
  }
}

/**
 * Replaces the contents of `path` so that a reader, or a crash, sees the old bytes or the new ones and nothing between:
 * temporary file beside it, write, fsync, rename, fsync of the folder. A symlink is followed: its target is replaced.
 * What a killed run left of the same file in a project is removed.
 * @throws the file system's error; the temporary file is removed and `path` is as before. {UnsafePathError} for a link
 * that leads out of `inside`, or when something other than a file is in the way.
 */
export function writeFileAtomic(path: OsPath, contents: string | Uint8Array, options: AtomicOptions = {}): void {
  const target = followLink(path);
  if (options.inside !== undefined) guardTarget(path, target, options.inside);
  if (options.parents === true) makeFolders(dirname(target));
  const mode = options.mode ?? existingMode(target);
  const bytes = typeof contents === "string" ? Buffer.from(contents, "utf8") : contents;
  const replace = (at: OsPath): void => {
    replaceBytes(at, bytes, mode, options);
    // Elsewhere, as in a cache that is shared, the writer may run on another machine.
    if (options.inside !== undefined && (options.tidies ?? options.noSync !== true)) removeLeft(at, dirname(target));
  };
  if (options.inside === undefined) replace(target);
  else inHeldFolder(options.inside, target, replace);
}

function replaceBytes(target: OsPath, bytes: Uint8Array, mode: number | undefined, options: AtomicOptions): void {
  const temporary = temporaryPath(target);
  try {
    ofFile(temporary, () => {
      const fd = openSync(temporary, "wx", mode ?? 0o666);
      try {
        writeAll(fd, bytes);
        if (options.noSync !== true) fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    });
    if (mode !== undefined) chmodSync(temporary, mode);
    renameSync(temporary, target);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
  if (options.noSync !== true && options.noFolderSync !== true) syncFolder(dirname(target));
}

/** Writes all of `bytes` at the file's position, however many calls that takes. */
export function writeAll(fd: number, bytes: Uint8Array, length: number = bytes.byteLength): void {
  let done = 0;
  try {
    while (done < length) done += writeSync(fd, bytes, done, length - done);
  } catch (error) {
    throw withPath(error, fd);
  }
}

/** The system says of an open file only that it can't be written, not which one it is. */
function withPath(error: unknown, fd: number): unknown {
  try {
    return Object.assign(error as NodeJS.ErrnoException, { path: readlinkSync(`/proc/self/fd/${String(fd)}`) });
  } catch {
    return error; // Not Linux.
  }
}

/** Flushes a folder's entries (a rename, a new file) to disk; does nothing where folders can't be opened. */
export function syncFolder(folder: OsPath): void {
  let fd: number;
  try {
    fd = openSync(folder, "r");
  } catch {
    return; // Windows
  }
  try {
    fsyncSync(fd);
  } catch {
    // Some network and FUSE file systems have no fsync for folders.
  } finally {
    closeQuietly(fd);
  }
}

/** Removes a file; absence and failure are no error: for cleaning up behind an error that matters more. */
export function removeQuietly(path: OsPath): void {
  try {
    unlinkSync(path);
  } catch {
    // gone already, or the disk is in trouble: the first error is the one to report
  }
}

function followLink(path: OsPath): OsPath {
  let at = path;
  for (let hop = 0; hop < 40; hop++) {
    try {
      if (!lstatSync(at).isSymbolicLink()) return at;
      at = resolve(dirname(at), readlinkSync(at));
    } catch {
      return at;
    }
  }
  return path;
}

function guardTarget(path: OsPath, target: OsPath, inside: OsPath): void {
  const stat = lstatSync(target, { throwIfNoEntry: false });
  if (stat !== undefined && !stat.isFile()) throw refusal(path, "something other than a file is there");
  const home = realpathSync(inside);
  const real = realPlace(target);
  if (target === path && real === join(home, relative(inside, path))) return;
  if (!isStrictlyInside(home, real)) throw refusal(path, `it is a symlink that leaves the project, to '${real}'`);
  const reserved = real.slice(home.length).split(sep).find(isReservedName);
  if (reserved !== undefined) throw refusal(path, `it is a symlink into '${reserved}'`);
}

/** Where a name really is, which need not be there yet, nor its folder. */
function realPlace(path: OsPath): OsPath {
  const folder = dirname(path);
  try {
    return join(realpathSync(folder), basename(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || folder === path) throw error;
    return join(realPlace(folder), basename(path));
  }
}

function refusal(path: OsPath, reason: string): UnsafePathError {
  return new UnsafePathError(`refusing to write '${path}': ${reason}`, { hint: "Nothing was written there." });
}

/** Text files of a project larger than this are refused, in bytes: nobody writes so much by hand. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/**
 * Text of a file of an untrusted project; undefined when there is none. Pipes and devices are never opened: they would
 * block, or never end.
 * @throws {DvcError} for what is no file, or is too large; {EncodingError}.
 */
export function readPlainText(path: OsPath): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile()) throw new DvcError(`'${path}' is not a file`, { code: "io" });
  if (stat.size > MAX_TEXT_BYTES)
    throw new DvcError(`'${path}' is too large to read (${String(stat.size)} bytes)`, { code: "io" });
  const bytes = ofFile(path, () => readFileSync(path));
  // What can't be read as it is can't be written back as it was.
  if (!isUtf8(bytes)) throw new EncodingError(path);
  return bytes.toString("utf8");
}

function existingMode(path: OsPath): number | undefined {
  try {
    return lstatSync(path).mode & 0o7777;
  } catch {
    return undefined;
  }
}
