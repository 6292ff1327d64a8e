import {
  chmodSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { OsPath } from "../base/paths.ts";

/** How an atomic write behaves. */
export interface AtomicOptions {
  /** Permission bits of the file; without it an existing file keeps its own and a new one gets 0666 less the umask. */
  readonly mode?: number;
  /** Create missing parent folders. */
  readonly parents?: boolean;
  /** Skip the flush to disk: only for files that are safe to lose (caches of facts). */
  readonly noSync?: boolean;
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
  const folder = dirname(target);
  // Long names: keep below the 255-byte limit of file systems.
  const name = target.slice(folder.endsWith("/") ? folder.length : folder.length + 1);
  const kept =
    Buffer.byteLength(name) > 180
      ? Buffer.from(name)
          .subarray(0, 120)
          .toString("latin1")
          .replace(/[^\w.-]/g, "_")
      : name;
  return join(folder, `.${kept}.${String(process.pid)}-${worker > 0 ? `w${String(worker)}z` : ""}${salt()}.hftmp`);
}

/**
 * Whether `name` is a temporary name whose writer has ended, so that nobody will miss it. `pidAlive` is for tests.
 * On a shared disk the pid may belong to another machine: callers that clean also look at the age.
 */
export function isLeftover(name: string, pidAlive: (pid: number) => boolean = processAlive): boolean {
  const match = TEMPORARY_NAME.exec(name);
  return match !== null && !pidAlive(Number(match[2]));
}

/** Whether a process with this id exists on this machine (also one of another user). */
export function processAlive(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Replaces the contents of `path` so that a reader, or a crash, sees the old bytes or the new ones and nothing between:
 * temporary file beside it, write, fsync, rename, fsync of the folder. A symlink is followed: its target is replaced.
 * @throws the file system's error; the temporary file is removed and `path` is as before.
 */
export function writeFileAtomic(path: OsPath, contents: string | Uint8Array, options: AtomicOptions = {}): void {
  const target = followLink(path);
  if (options.parents === true) mkdirSync(dirname(target), { recursive: true });
  const mode = options.mode ?? existingMode(target);
  const temporary = temporaryPath(target);
  const bytes = typeof contents === "string" ? Buffer.from(contents, "utf8") : contents;
  try {
    const fd = openSync(temporary, "wx", mode ?? 0o666);
    try {
      writeAll(fd, bytes);
      if (options.noSync !== true) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (mode !== undefined) chmodSync(temporary, mode);
    renameSync(temporary, target);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
  if (options.noSync !== true) syncFolder(dirname(target));
}

/** Writes all of `bytes` at the file's position, however many calls that takes. */
export function writeAll(fd: number, bytes: Uint8Array, length: number = bytes.byteLength): void {
  let done = 0;
  while (done < length) done += writeSync(fd, bytes, done, length - done);
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
    closeSync(fd);
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

function existingMode(path: OsPath): number | undefined {
  try {
    return lstatSync(path).mode & 0o7777;
  } catch {
    return undefined;
  }
}
