import {
  accessSync,
  closeSync,
  constants,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { LockError } from "../base/errors.ts";
import { ofFile } from "../base/ofFile.ts";
import type { OsPath } from "../base/paths.ts";
import { isWindows } from "../base/platform.ts";
import { processAlive } from "../fs/atomic.ts";
import { closeQuietly } from "../fs/closeQuietly.ts";
import { readBounded } from "../fs/readBounded.ts";

/** Who holds a lock, as far as can be told. */
export interface LockHolder {
  readonly pid: number;
  /** Its command line; undefined when it can't be read. */
  readonly command: string | undefined;
}

/** A lock that is held. */
export interface HeldLock {
  release(): void;
}

/** Tries once. `undefined`: somebody else has it. */
export type TryLock = (path: OsPath, pid: number) => HeldLock | undefined;

/** Programs that can put an flock on a descriptor that they inherit as number 3, in the order tried. Exit 1: it is taken. */
const LOCKERS: readonly (readonly string[])[] = [
  ["flock", "-n", "-x", "3"],
  ["perl", "-e", 'use Fcntl ":flock"; open(my $f, "+<&=", 3) or exit 2; exit(flock($f, LOCK_EX | LOCK_NB) ? 0 : 1)'],
  ["python3", "-c", "import fcntl,sys\ntry: fcntl.flock(3, 6)\nexcept BlockingIOError: sys.exit(1)"],
];

let locker: readonly string[] | "none" | undefined;

/**
 * Takes DVC's lock: an exclusive flock on the file, whose text is the holder's pid. Node has no flock, but a lock belongs
 * to the open file, not to the process: a child that inherits the descriptor takes it and ends, the lock stays with us,
 * and the system drops it when this process ends in whatever way.
 */
export const tryFlock: TryLock = (path, pid) => {
  const { fd, isWritable } = openLock(path);
  let isHeld = false;
  try {
    isHeld = flock(fd);
    if (!isHeld) return undefined;
    if (isWritable)
      ofFile(path, () => {
        sign(fd, pid);
      });
    return { release: once(() => closeQuietly(fd)) };
  } finally {
    if (!isHeld) closeSync(fd);
  }
};

function sign(fd: number, pid: number): void {
  const text = ` ${String(pid)}\n`;
  writeSync(fd, text, 0);
  ftruncateSync(fd, text.length);
}

/** Makes the lock file when it is not there, and leaves the lock alone. */
export function makeLockFile(path: OsPath): void {
  closeSync(openLock(path).fd);
}

/** NFS locks no file that is open for reading only. */
const NFS = 0x6969;

/** Whether an flock can be had on this lock file, which may belong to another user. */
export function mayLock(path: OsPath): boolean {
  try {
    accessSync(path, constants.R_OK);
    if (statfsSync(path).type === NFS) accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Opens a lock file without following a link: a cloned repository could hold one to a file of the user's, which would get
 * our pid instead of its contents. That of another user, who shares a cache, may be read only: it can be locked all the same.
 */
function openLock(path: OsPath): { readonly fd: number; readonly isWritable: boolean } {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && !stat.isFile())
    throw new LockError(`'${path}' is no plain file`, { hint: "Remove it; a lock file is made anew." });
  try {
    return { fd: openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666), isWritable: true };
  } catch (error) {
    if (stat === undefined || stat.uid === process.getuid?.() || !mayLock(path)) throw error;
    return { fd: openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW), isWritable: false };
  }
}

/** Whether this machine has a program that can take an flock. */
export function hasFlock(): boolean {
  if (isWindows) return false;
  if (locker === undefined) {
    const { spawnSync } = process.getBuiltinModule("node:child_process");
    // Asked on a descriptor of its own: /dev/null can be locked by anybody without harm.
    const fd = openSync("/dev/null", "r+");
    try {
      locker = LOCKERS.find(([program = "", ...args]) => {
        const { status, error } = spawnSync(program, args, { stdio: ["ignore", "ignore", "ignore", fd] });
        return !isAbsent(error) && (status === 0 || status === 1);
      });
      locker ??= "none";
    } finally {
      closeSync(fd);
    }
  }
  return locker !== "none";
}

function flock(fd: number): boolean {
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  for (const [program = "", ...args] of locker === undefined || locker === "none" ? LOCKERS : [locker]) {
    const { status, signal, error } = spawnSync(program, args, { stdio: ["ignore", "ignore", "ignore", fd] });
    // Ended by a signal, as by Ctrl-C: that says nothing of the program.
    if (signal !== null) return false;
    if (isAbsent(error) || (status !== 0 && status !== 1)) continue;
    locker = [program, ...args];
    return status === 0;
  }
  locker = "none";
  throw new NoFlockError();
}

/**
 * Whether a program is not there, or not to be run.
 * @throws {LockError} when none can be started now: then nobody knows, and others may rely on an flock
 */
function isAbsent(error: Error | undefined): boolean {
  if (error === undefined) return false;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "EACCES" || code === "ENOEXEC") return true;
  throw new LockError("the lock can't be taken", { cause: error });
}

/** No program of this machine can take an flock. */
export class NoFlockError extends Error {}

/** A lock by a file of its own beside `path`, for machines without flock: created anew, holds pid and host. */
export const tryPidFile: TryLock = (path, pid) => {
  const file = `${path}.pid`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const fd = openSync(file, "wx");
      writeSync(fd, `${String(pid)} ${hostname()}\n`);
      closeSync(fd);
      return { release: once(() => unlinkSync(file)) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !removeStale(file)) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
        throw error;
      }
    }
  }
  return undefined;
};

function removeStale(file: OsPath): boolean {
  try {
    const [pid = "", host] = readFileSync(file, "utf8").trim().split(" ");
    if (host !== hostname() || processAlive(Number(pid))) return false;
    unlinkSync(file);
    return true;
  } catch {
    return true;
  }
}

/** The process that wrote its pid into the lock file last; undefined when it has ended. */
export function lockHolder(path: OsPath): LockHolder | undefined {
  const pid = Number(/^\s*(\d+)/.exec(readText(path) ?? "")?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(pid) || pid <= 0 || !processAlive(pid)) return undefined;
  const command = readText(`/proc/${String(pid)}/cmdline`)
    ?.replace(/\0+$/, "")
    .replaceAll("\0", " ");
  return { pid, command: command === "" ? undefined : command };
}

/**
 * Whether the lock is surely free, told without a child process: no flock on this file that the system shows, and no
 * living process named in it (a lock taken through a child of a container is not always shown).
 */
export function isSurelyFree(path: OsPath, ownPid: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return true;
  const holder = lockHolder(path);
  if (holder !== undefined && holder.pid !== ownPid) return false;
  // Whoever takes the lock writes its pid. When that process is gone, so is the lock; the kernel's list (15 ms to read)
  // is only asked when nobody signed.
  if (stat.size > 0) return true;
  const locks = readText("/proc/locks");
  return locks !== undefined && !new RegExp(`\\bFLOCK\\b.*:${String(stat.ino)}\\s`).test(locks);
}

/** No lock file of anybody is larger (bytes); what the system shows of itself says that it has none. */
const MAX_BYTES = 1 << 20;

function readText(path: OsPath): string | undefined {
  return readBounded(path, MAX_BYTES, "utf8");
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    action();
  };
}
