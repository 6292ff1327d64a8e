import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { LockError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { removeQuietly, temporaryPath, writeFileAtomic } from "../fs/atomic.ts";
import { namesIfThere } from "../fs/namesIn.ts";
import { realPath } from "../fs/realPath.ts";
import { md5Bytes } from "../hash/md5.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import { makeObjectFolder } from "../odb/objectFolder.ts";
import { type HeldLock, makeLockFile } from "./fileLock.ts";
import { acquire, lockPath, type LockOptions, usesHardlinks } from "./lockFile.ts";
import { isOwnCache, isUnshared, PROJECTS } from "./ownCache.ts";
import type { Repo } from "./repo.ts";

/** Whoever shares the cache reads the list, whatever the umask: a `gc` spares nothing that it does not know of. */
const ENTRY_MODE = 0o644;
const GUARD_MODE = 0o664;
/** A file of the list that is larger (bytes) is none of ours. */
const MAX_BYTES = 64 * 1024;
const GONE_MS = 30 * 24 * 3_600_000;

/** A project that once stored something in a shared cache. */
export interface RegisteredProject {
  /** Its top folder, on the machine `host`. */
  readonly root: OsPath;
  readonly host: string;
  /** The entry in the cache. */
  readonly file: OsPath;
  /** `gone`: its folder was removed from a disk that is there; `unreachable`: nobody can tell from here. */
  readonly state: "there" | "gone" | "unreachable";
}

const registered = new WeakSet<Repo>();

/**
 * Notes in a cache outside of the project that this project uses it, so that a `gc` of another one spares its data and waits for
 * its work. Comes before the project's own lock is taken, and waits for whoever removes from the cache. Does nothing for a cache
 * of its own; a cache that can't be written is passed over.
 * @throws {LockError}
 */
export async function joinCache(repo: Repo, options: LockOptions): Promise<void> {
  if (registered.has(repo) || !repo.isInitialized || isOwnCache(repo)) return;
  const file = entryOf(repo.cacheDir, repo.root);
  if (existsSync(file) && (usesHardlinks(repo) || existsSync(lockPath(repo)))) noteSeen(file);
  else
    await withCacheGuard(repo, options, () => {
      register(repo);
    });
  registered.add(repo);
}

function register(repo: Repo): void {
  try {
    requireCache(repo);
    // Whoever finds the entry wants this lock, and makes none: it would belong to the wrong user.
    if (!usesHardlinks(repo)) makeLockFile(lockPath(repo));
    const folder = join(repo.cacheDir, PROJECTS);
    for (const root of [repo.root, ...ownersOf(repo.cacheDir)]) {
      const entry = { root, host: hostname(), device: String(statSync(root, { bigint: true }).dev) };
      const text = `${JSON.stringify(entry)}\n`;
      writeFileAtomic(entryOf(repo.cacheDir, root), text, { noSync: true, inside: folder, mode: ENTRY_MODE });
    }
  } catch {
    // Somebody else's cache, to read from only: then nothing of ours is in it.
  }
}

/** The project in whose `.dvc` folder the cache lies: it uses it, too, and notes itself nowhere. */
function ownersOf(cacheDir: OsPath): OsPath[] {
  for (let at = realPath(cacheDir); at !== dirname(at); at = dirname(at))
    if (basename(at) === ".dvc" && existsSync(join(at, "config"))) return [dirname(at)];
  return [];
}

/** Whether both keep their objects in one folder. */
export function isSameCache(a: Repo, b: Repo): boolean {
  return realPath(a.cacheDir) === realPath(b.cacheDir);
}

const guarded = new WeakSet<Repo>();

/**
 * Runs `work`, which removes from the cache or adds a project to its list, while nobody else does. To be taken before the lock of
 * any project: who has it may wait for the locks of all that are on the list. A cache of nobody else needs none.
 * @throws {LockError}
 */
export async function withCacheGuard<T>(repo: Repo, options: LockOptions, work: () => T | Promise<T>): Promise<T> {
  const folder = join(repo.cacheDir, PROJECTS);
  if (guarded.has(repo) || isUnshared(repo)) return work();
  const lock = await takeGuard(repo, folder, options);
  guarded.add(repo);
  try {
    return await work();
  } finally {
    guarded.delete(repo);
    lock?.release();
  }
}

/** Who may not write there can remove and add nothing. */
async function takeGuard(repo: Repo, folder: OsPath, options: LockOptions): Promise<HeldLock | undefined> {
  const path = join(folder, "lock");
  try {
    const { dirMode } = requireCache(repo);
    makeObjectFolder(folder, dirMode);
    if (dirMode !== undefined && !usesHardlinks(repo)) makeSharedFile(path);
    return await acquire(repo, path, options);
  } catch (error) {
    if (error instanceof LockError) throw error;
    options.signal?.throwIfAborted();
    return undefined;
  }
}

/** Nothing is written to a folder that only a committed config names. @throws {DvcError} without trust */
function requireCache(repo: Repo): ObjectDb {
  return repo.cache;
}

/** Gets its mode, umask or not, before it gets its name: who shares the cache never finds it closed. */
function makeSharedFile(path: OsPath): void {
  if (existsSync(path)) return;
  const temporary = temporaryPath(path);
  writeFileSync(temporary, "");
  try {
    chmodSync(temporary, GUARD_MODE);
    linkSync(temporary, path);
  } catch {
    // Somebody else was faster, or the file system knows no modes or links.
  } finally {
    removeQuietly(temporary);
  }
}

/** Every other project that the shared cache of this one lists. Entries that are none are passed over. @throws for one that may not be read */
export function registeredProjects(repo: Repo): RegisteredProject[] {
  const folder = join(repo.cacheDir, PROJECTS);
  const found: RegisteredProject[] = [];
  for (const name of namesIfThere(folder).sort()) {
    const file = join(folder, name);
    const entry = readEntry(file);
    if (entry === undefined || (entry.root === repo.root && entry.host === hostname())) continue;
    found.push({ root: entry.root, host: entry.host, file, state: stateOf(entry) });
  }
  return found;
}

/** The date of an entry is when its project was last seen. That of another user's stays. */
function noteSeen(file: OsPath): void {
  try {
    const now = new Date(systemClock.now());
    utimesSync(file, now, now);
  } catch {
    // It may be somebody else's.
  }
}

/**
 * Keeps the list short: a project that is gone, and has been for a month, is struck off. One that was moved away for a while, or comes
 * back from a backup, counts again.
 */
export function reviewProject({ file, state }: RegisteredProject): void {
  if (state === "there") noteSeen(file);
  else if (state === "gone" && isOld(file)) rmSync(file, { force: true });
}

function isOld(file: OsPath): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && systemClock.now() - stat.mtimeMs > GONE_MS;
}

interface Entry {
  readonly root: OsPath;
  readonly host: string;
  readonly device: string;
}

function stateOf({ root, host, device }: Entry): RegisteredProject["state"] {
  const isHere = statSync(join(root, ".dvc"), { throwIfNoEntry: false })?.isDirectory() === true;
  if (host !== hostname()) return isHere ? "there" : "unreachable";
  if (isHere) return "there";
  // On a disk that is not mounted the nearest folder lies on another device.
  for (let at = root; ; at = dirname(at)) {
    const stat = statSync(at, { bigint: true, throwIfNoEntry: false });
    if (stat !== undefined) return String(stat.dev) === device ? "gone" : "unreachable";
    if (at === dirname(at)) return "unreachable";
  }
}

function entryOf(cacheDir: OsPath, root: OsPath): OsPath {
  return join(cacheDir, PROJECTS, `${md5Bytes(Buffer.from(`${hostname()}\0${root}`))}.json`);
}

/** Whether a system takes the path at all: who shares the cache may have written anything. */
function canBe(root: OsPath): boolean {
  try {
    statSync(join(root, ".dvc"), { throwIfNoEntry: false });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== "ENAMETOOLONG" && code !== "ERR_INVALID_ARG_VALUE";
  }
}

function readEntry(file: OsPath): Entry | undefined {
  if (!file.endsWith(".json")) return undefined;
  try {
    const stat = lstatSync(file);
    if (!stat.isFile() || stat.size > MAX_BYTES) return undefined;
    const value = JSON.parse(readFileSync(file, "utf8")) as Partial<Record<keyof Entry, unknown>>;
    const { root, host, device } = value;
    if (typeof root !== "string" || typeof host !== "string" || typeof device !== "string") return undefined;
    return isAbsolute(root) && canBe(root) ? { root, host, device } : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM") throw error;
    return undefined;
  }
}
