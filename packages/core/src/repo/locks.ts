import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { LockError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { isWindows } from "../base/platform.ts";
import {
  hasFlock,
  type HeldLock,
  isSurelyFree,
  lockHolder,
  NoFlockError,
  tryFlock,
  type TryLock,
  tryPidFile,
} from "./fileLock.ts";
import { tryHardlink } from "./hardlinkLock.ts";
import { looking } from "./looking.ts";
import { checkOwnFolders } from "./ownFolders.ts";
import type { Repo } from "./repo.ts";
import { registerProject } from "./sharedCache.ts";
import { makeFolders } from "../fs/makeFolders.ts";

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

interface Held {
  depth: number;
  lock: HeldLock | undefined;
}

const held = new WeakMap<Repo, Held>();
let hasWarned = false;

/**
 * Runs `work` while this process holds the repository's lock, the one that DVC takes too. Nested calls run at once. While
 * somebody else holds it, waits and says for whom: 30 seconds, or `HOLDFAST_LOCK_TIMEOUT` seconds, or as long as it takes.
 * @throws {LockError} with DVC's text; the holder is in the hint.
 */
export async function withRepoLock<T>(repo: Repo, options: LockOptions, work: () => T | Promise<T>): Promise<T> {
  const mine = held.get(repo);
  if (mine !== undefined) return nested(repo, mine, work);
  checkOwnFolders(repo);
  const path = join(repo.tmpDir, "lock");
  const isFree = options.readOnly === true && !usesHardlinks(repo) && isSurelyFree(path, process.pid);
  const lock = isFree ? undefined : await acquire(repo, path, options);
  // A reader that had to wait has waited long enough: it need not keep others out.
  if (options.readOnly === true) {
    lock?.release();
    return looking(repo, work);
  }
  registerProject(repo);
  return nested(repo, { depth: 0, lock }, work);
}

async function nested<T>(repo: Repo, mine: Held, work: () => T | Promise<T>): Promise<T> {
  mine.depth++;
  held.set(repo, mine);
  try {
    return await work();
  } finally {
    mine.depth--;
    if (mine.depth === 0) {
      registerProject(repo);
      held.delete(repo);
      mine.lock?.release();
    }
  }
}

/**
 * How long the lock is kept, in ms, when work without it has begun: taking it again costs a child process, which is more than
 * many a command takes. A command that asks for it needs longer than this to start, and waits for it besides.
 */
const BRIEF_MS = 20;

/**
 * Runs `work` with the repository's lock given back, and takes it again: while a stage's command runs, other commands may
 * work on the repository. What ends within `BRIEF_MS` ends under the lock. Outside of `withRepoLock` just runs it.
 */
export async function withoutRepoLock<T>(repo: Repo, options: LockOptions, work: () => T | Promise<T>): Promise<T> {
  const mine = held.get(repo);
  if (mine === undefined) return work();
  held.delete(repo);
  const timer = setTimeout(() => {
    mine.lock?.release();
    mine.lock = undefined;
  }, BRIEF_MS);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    if (mine.lock === undefined) await takeAgain(repo, mine, options);
    else held.set(repo, mine);
  }
}

function giveBack(repo: Repo, mine: Held): void {
  mine.lock?.release();
  mine.lock = undefined;
  held.delete(repo);
}

async function takeAgain(repo: Repo, mine: Held, options: LockOptions): Promise<void> {
  mine.lock = await acquire(repo, join(repo.tmpDir, "lock"), options);
  held.set(repo, mine);
}

/** Whether this process has the repository's lock now. */
export function holdsRepoLock(repo: Repo): boolean {
  return held.get(repo)?.lock !== undefined;
}

/** While others of this process wait in line, the lock is given back after so long, in ms, so that other processes get a turn. */
const LONGEST_HOLD_MS = 1000;
const REST_MS = 150;

/**
 * Runs `work`, whose tasks share the lock that the caller holds; afterwards the caller has it to itself again.
 * @throws {Error} outside of `withRepoLock`
 */
export async function withSharedRepoLock<T>(
  repo: Repo,
  options: LockOptions,
  work: (lock: SharedRepoLock) => Promise<T>,
): Promise<T> {
  const mine = held.get(repo);
  if (mine === undefined) throw new Error("There is no lock to share.");
  const lock = new SharedRepoLock(repo, mine, options);
  try {
    return await work(lock);
  } finally {
    lock.end();
    if (mine.lock === undefined) await takeAgain(repo, mine, options);
  }
}

/**
 * The repository's lock for tasks of one process that run side by side. A task is in a lane (one at a time in each) while
 * it works on the repository; when no task is, the lock is free.
 */
export class SharedRepoLock {
  readonly #repo: Repo;
  readonly #options: LockOptions;
  readonly #mine: Held;
  readonly #lanes = new Map<string, Promise<void>>();
  #inside = 0;
  #since = systemClock.now();
  /** While the lock is being taken, or others have their turn. */
  #change: Promise<void> | undefined;

  /** Made by `withSharedRepoLock`. */
  constructor(repo: Repo, mine: Held, options: LockOptions) {
    this.#repo = repo;
    this.#mine = mine;
    this.#options = options;
  }

  /** Waits for the lane and the lock; the function given ends the stay. @throws {LockError} */
  async enter(lane: string): Promise<() => void> {
    const before = this.#lanes.get(lane);
    let leaveLane = (): void => undefined;
    this.#lanes.set(
      lane,
      new Promise((resolve) => {
        leaveLane = resolve;
      }),
    );
    await before;
    try {
      await this.#enter();
    } catch (error) {
      leaveLane();
      throw error;
    }
    return () => {
      this.#leave();
      leaveLane();
    };
  }

  /** The lock stays with who holds it now. */
  end(): void {
    clearTimeout(this.#leaving);
    this.#leaving = undefined;
  }

  async #enter(): Promise<void> {
    while (this.#change !== undefined) await this.#change;
    if (this.#mine.lock !== undefined && systemClock.now() - this.#since < LONGEST_HOLD_MS) {
      this.#inside++;
      return;
    }
    if (this.#inside > 0) {
      // Held for long: nobody else goes in until the others are out.
      await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
      return this.#enter();
    }
    this.#change = this.#take();
    try {
      await this.#change;
    } finally {
      this.#change = undefined;
    }
    this.#inside++;
  }

  readonly #whenEmpty: (() => void)[] = [];
  #leaving: NodeJS.Timeout | undefined;

  async #take(): Promise<void> {
    if (this.#mine.lock !== undefined) {
      giveBack(this.#repo, this.#mine);
      await systemClock.sleep(REST_MS);
    }
    await takeAgain(this.#repo, this.#mine, this.#options);
    this.#since = systemClock.now();
  }

  #leave(): void {
    this.#inside--;
    if (this.#inside > 0) return;
    const waiting = this.#whenEmpty.splice(0);
    for (const resume of waiting) resume();
    if (waiting.length > 0) return;
    this.#leaving ??= setTimeout(() => {
      this.#leaving = undefined;
      if (this.#inside === 0 && this.#change === undefined && this.#mine.lock !== undefined)
        giveBack(this.#repo, this.#mine);
    }, BRIEF_MS);
  }
}

/** Takes the lock file at `path`; waits. For the repository's lock and for the guard of the path locks. */
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

function usesHardlinks(repo: Repo): boolean {
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
