import { lstatSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { isInside } from "../base/paths.ts";
import { systemClock } from "../base/clock.ts";
import { writeFileAtomic } from "../fs/atomic.ts";
import { namesIfThere } from "../fs/namesIn.ts";
import { md5Bytes } from "../hash/md5.ts";
import { makeObjectFolder } from "../odb/objectFolder.ts";
import type { Repo } from "./repo.ts";

/** Folder of a shared cache that lists the projects which use it, one small file each. DVC passes over it. */
const PROJECTS = "projects";
/** Whoever shares the cache reads the list, whatever the umask: a `gc` spares nothing that it does not know of. */
const ENTRY_MODE = 0o644;
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
 * Notes in a cache outside of the project that this project uses it, so that a `gc` of another one spares its data. Does
 * nothing for a cache of its own, or one that is not there yet; a cache that can't be written is passed over.
 */
export function registerProject(repo: Repo): void {
  if (registered.has(repo) || !repo.isInitialized || isInside(repo.dvcDir, repo.cacheDir)) return;
  if (lstatSync(repo.cacheDir, { throwIfNoEntry: false }) === undefined) return;
  registered.add(repo);
  const file = entryOf(repo);
  try {
    if (statSync(file, { throwIfNoEntry: false }) !== undefined) {
      noteSeen(file);
      return;
    }
    makeObjectFolder(dirname(file), repo.cache.dirMode);
    const entry = { root: repo.root, host: hostname(), device: String(statSync(repo.root, { bigint: true }).dev) };
    writeFileAtomic(file, `${JSON.stringify(entry)}\n`, { noSync: true, inside: dirname(file), mode: ENTRY_MODE });
  } catch {
    // Somebody else's cache, to read from only: then nothing of ours is in it.
  }
}

/** Every other project that the shared cache of this one lists. Entries that are none are passed over. @throws for one that may not be read */
export function registeredProjects(repo: Repo): RegisteredProject[] {
  if (isInside(repo.dvcDir, repo.cacheDir)) return [];
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

function entryOf(repo: Repo): OsPath {
  return join(repo.cacheDir, PROJECTS, `${md5Bytes(Buffer.from(`${hostname()}\0${repo.root}`))}.json`);
}

function readEntry(file: OsPath): Entry | undefined {
  if (!file.endsWith(".json")) return undefined;
  try {
    if (statSync(file).size > MAX_BYTES) return undefined;
    const value = JSON.parse(readFileSync(file, "utf8")) as Partial<Record<keyof Entry, unknown>>;
    const { root, host, device } = value;
    if (typeof root !== "string" || typeof host !== "string" || typeof device !== "string") return undefined;
    return isAbsolute(root) ? { root, host, device } : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM") throw error;
    return undefined;
  }
}
