import { systemClock } from "../base/clock.ts";
import { type HeldLock, isSurelyFree } from "./fileLock.ts";
import { acquire, lockPath, type LockOptions, usesHardlinks } from "./lockFile.ts";
import { looking } from "./looking.ts";
import { checkOwnFolders } from "./ownFolders.ts";
import type { Repo } from "./repo.ts";
import { joinCache } from "./sharedCache.ts";

interface Held {
  depth: number;
  lock: HeldLock | undefined;
}

const held = new WeakMap<Repo, Held>();

/**
 * Runs `work` while this process holds the repository's lock, the one that DVC takes too. Nested calls run at once. While
 * somebody else holds it, waits and says for whom: 30 seconds, or `HOLDFAST_LOCK_TIMEOUT` seconds, or as long as it takes.
 * @throws {LockError} with DVC's text; the holder is in the hint.
 */
export async function withRepoLock<T>(repo: Repo, options: LockOptions, work: () => T | Promise<T>): Promise<T> {
  const mine = held.get(repo);
  if (mine !== undefined) return nested(repo, mine, work);
  checkOwnFolders(repo);
  const path = lockPath(repo);
  if (options.readOnly !== true) await joinCache(repo, options);
  const isFree = options.readOnly === true && !usesHardlinks(repo) && isSurelyFree(path, process.pid);
  const lock = isFree ? undefined : await acquire(repo, path, options);
  // A reader that had to wait has waited long enough: it need not keep others out.
  if (options.readOnly === true) {
    lock?.release();
    return looking(repo, work);
  }
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
  mine.lock = await acquire(repo, lockPath(repo), options);
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
