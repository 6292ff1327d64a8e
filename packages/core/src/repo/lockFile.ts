import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { LockError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { isWindows } from "../base/platform.ts";
import { makeFolders } from "../fs/makeFolders.ts";
import { hasFlock, type HeldLock, lockHolder, NoFlockError, tryFlock, type TryLock, tryPidFile } from "./fileLock.ts";
import { tryHardlink } from "./hardlinkLock.ts";
import { checkOwnFolders } from "./ownFolders.ts";
import type { Repo } from "./repo.ts";

/** How to take the repository's lock. */
export interface LockOptions extends CallOptions {
  /** Wait without limit. Default: the repository's own setting (`--wait-for-lock`). */
  readonly wait?: boolean;
  /** The work changes nothing that others rely on: it waits for a writer but keeps nobody out, and costs no child process. */
  readonly readOnly?: boolean;
}

/** DVC's text for a lock that can't be had. */
const FAILED =
  "Unable to acquire lock. Most likely another DVC process is running or was terminated abruptly. " +
  "Check the page <https://dvc.org/doc/user-guide/troubleshooting#lock-issue> for other possible reasons and to learn how to resolve this.";

/** Seconds to wait for a lock; DVC gives up after 3, which fails needlessly when two jobs start together. */
const DEFAULT_TIMEOUT = 30;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;

let hasWarned = false;

/** The file of the repository's lock, which DVC takes too. */
export function lockPath(repo: Repo): OsPath {
  return join(repo.tmpDir, "lock");
}

/** Takes the lock file at `path`; waits: 30 seconds, or `HOLDFAST_LOCK_TIMEOUT` seconds, or as long as it takes. @throws {LockError} */
export async function acquire(repo: Repo, path: OsPath, options: LockOptions): Promise<HeldLock> {
  checkOwnFolders(repo);
  makeFolders(repo.tmpDir);
  const attempt = lockerOf(repo, options);
  const limit = timeoutMs(repo, options);
  const start = systemClock.now();
  let pause = FIRST_PAUSE_MS;
  let isSaid = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const lock = tryOnce(attempt, path, options);
    if (lock !== undefined) return lock;
    if (systemClock.now() - start >= limit) throw failure(path);
    if (!isSaid) warn(options, waitingText(path));
    isSaid = true;
    await systemClock.sleep(Math.min(pause, Math.max(1, limit - (systemClock.now() - start))), options.signal);
    pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
  }
}

function tryOnce(attempt: TryLock, path: OsPath, options: LockOptions): HeldLock | undefined {
  try {
    return attempt(path, process.pid);
  } catch (error) {
    if (!(error instanceof NoFlockError)) throw error;
    return fallBack(options)(path, process.pid);
  }
}

function lockerOf(repo: Repo, options: LockOptions): TryLock {
  if (usesHardlinks(repo)) return tryHardlink;
  return isWindows ? fallBack(options) : tryFlock;
}

function fallBack(options: LockOptions): TryLock {
  if (!hasWarned && !hasFlock()) {
    hasWarned = true;
    warn(
      options,
      "neither `flock` nor `perl` is installed: do not run this and DVC on one repository at the same time.",
    );
  }
  return tryPidFile;
}

/** Whether the locks of this project are hard links (`core.hardlink_lock`): then a lock file is there only while it is held. */
export function usesHardlinks(repo: Repo): boolean {
  return repo.config.flag("core", "hardlink_lock") === true;
}

function timeoutMs(repo: Repo, options: LockOptions): number {
  if (options.wait ?? repo.waitForLock) return Number.POSITIVE_INFINITY;
  const set = Number(repo.env.env["HOLDFAST_LOCK_TIMEOUT"] ?? Number.NaN);
  return 1000 * (Number.isFinite(set) && set >= 0 ? set : DEFAULT_TIMEOUT);
}

function waitingText(path: OsPath): string {
  return `Waiting for ${holderText(path)} to release '${path}'.`;
}

function holderText(path: OsPath): string {
  const holder = lockHolder(path);
  if (holder === undefined) return "another process";
  return holder.command === undefined
    ? `process ${String(holder.pid)}`
    : `process ${String(holder.pid)} (${holder.command})`;
}

function failure(path: OsPath): LockError {
  return new LockError(FAILED, { hint: `'${path}' is held by ${holderText(path)}.` });
}
