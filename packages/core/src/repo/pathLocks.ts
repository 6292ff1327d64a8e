import { rmSync } from "node:fs";
import { join, relative } from "node:path";
import { DvcError, LockError } from "../base/errors.ts";
import { warn } from "../base/events.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { processAlive, readPlainText, writeFileAtomic } from "../fs/atomic.ts";
import { acquire, type LockOptions } from "./lockFile.ts";
import { holdsRepoLock } from "./locks.ts";
import type { Repo } from "./repo.ts";

/** A process as the file of path locks names it. */
interface LockInfo {
  readonly pid: number;
  readonly cmd: string;
}

interface PathLocks {
  readonly write: Map<OsPath, LockInfo>;
  readonly read: Map<OsPath, LockInfo[]>;
}

/** Paths that some work reads and writes; absolute. A folder stands for all below it. */
export interface LockedPaths {
  readonly read: readonly OsPath[];
  readonly write: readonly OsPath[];
}

/**
 * Runs `work` while `.dvc/tmp/rwlock` says that this process reads and writes the given paths. DVC keeps it too: a stage
 * that runs (the repository's lock is free then) is safe from others that would touch its files.
 * @throws {LockError} `'path' is busy, it is being blocked by: …`
 */
export async function withPathLocks<T>(
  repo: Repo,
  paths: LockedPaths,
  options: LockOptions,
  work: () => T | Promise<T>,
): Promise<T> {
  const mine: LockInfo = { pid: process.pid, cmd: repo.env.commandLine ?? repo.env.programName };
  const taken = await edit(repo, options, (locks) => {
    refuse(repo, locks, mine, "write", [...paths.read, ...paths.write], options);
    refuse(repo, locks, mine, "read", paths.write, options);
    return take(locks, mine, paths);
  });
  try {
    return await work();
  } finally {
    await edit(repo, options, (locks) => {
      release(locks, mine, taken);
    });
  }
}

/** Refuses when another process reads or writes one of the paths; takes nothing. Cheap when no lock file is there. */
export function checkPathLocks(repo: Repo, paths: LockedPaths, options: LockOptions = {}): void {
  const locks = readLocks(repo);
  const mine: LockInfo = { pid: process.pid, cmd: repo.env.commandLine ?? repo.env.programName };
  refuse(repo, locks, mine, "write", [...paths.read, ...paths.write], options);
  refuse(repo, locks, mine, "read", paths.write, options);
}

async function edit<T>(repo: Repo, options: LockOptions, change: (locks: PathLocks) => T): Promise<T> {
  // DVC changes the file under the repository's lock only: whoever holds that needs no second one.
  const guard = holdsRepoLock(repo) ? undefined : await acquire(repo, join(repo.tmpDir, "rwlock.lock"), options);
  try {
    const locks = readLocks(repo);
    const result = change(locks);
    write(repo, locks);
    return result;
  } finally {
    guard?.release();
  }
}

/** No file says that nothing is locked: to replace one that was never flushed makes ext4 flush the new one, some 2 ms. */
function write(repo: Repo, { write, read }: PathLocks): void {
  if (write.size + read.size === 0) {
    rmSync(fileOf(repo), { force: true });
    return;
  }
  const text = JSON.stringify({ write: Object.fromEntries(write), read: Object.fromEntries(read) });
  writeFileAtomic(fileOf(repo), text, { noSync: true, inside: repo.tmpDir });
}

function fileOf(repo: Repo): OsPath {
  return join(repo.tmpDir, "rwlock");
}

function readLocks(repo: Repo): PathLocks {
  const text = readPlainText(fileOf(repo));
  // Emptied by a power loss: whoever wrote it is gone.
  if (text === undefined || /^\0*$/.test(text)) return { write: new Map(), read: new Map() };
  const shown = relative(repo.env.cwd, fileOf(repo));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DvcError(`Unable to read RWLock-file '${shown}'. JSON structure is corrupted`, { code: "lock" });
  }
  const locks = parseLocks(value);
  if (locks === undefined) throw new DvcError(`RWLock-file '${shown}' format error.`, { code: "lock" });
  return locks;
}

function parseLocks(value: unknown): PathLocks | undefined {
  if (!isRecord(value)) return undefined;
  const { write = {}, read = {}, ...rest } = value;
  if (!isRecord(write) || !isRecord(read) || Object.keys(rest).length > 0) return undefined;
  const writers = Object.entries(write);
  const readers = Object.entries(read);
  if (!writers.every((one): one is [string, LockInfo] => isInfo(one[1]))) return undefined;
  if (!readers.every((one): one is [string, LockInfo[]] => Array.isArray(one[1]) && one[1].every(isInfo)))
    return undefined;
  return { write: new Map(writers), read: new Map(readers) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isInfo(value: unknown): value is LockInfo {
  return isRecord(value) && Number.isSafeInteger(value["pid"]) && typeof value["cmd"] === "string";
}

function isSame(one: LockInfo, other: LockInfo): boolean {
  return one.pid === other.pid && one.cmd === other.cmd;
}

/** Drops what dead processes left behind, then refuses when a living one has one of `wanted`. */
function refuse(
  repo: Repo,
  locks: PathLocks,
  mine: LockInfo,
  mode: "read" | "write",
  wanted: readonly OsPath[],
  options: LockOptions,
): void {
  const blockers: LockInfo[] = [];
  let busy: OsPath | undefined;
  for (const [path, holders] of entriesOf(locks, mode)) {
    const waiter = wanted.find((one) => isInside(one, path) || isInside(path, one));
    if (waiter === undefined) continue;
    for (const holder of holders) {
      if (isSame(holder, mine)) continue;
      if (processAlive(holder.pid)) {
        blockers.push(holder);
        busy = waiter;
        continue;
      }
      warn(
        options,
        `Process '${holder.cmd}' with (Pid ${String(holder.pid)}), in RWLock-file '${relative(repo.env.cwd, path)}' had been killed. Auto removed it from the lock file.`,
      );
      drop(locks, mode, path, holder);
    }
  }
  if (busy === undefined) return;
  const names = blockers.map(({ pid, cmd }) => `  (PID ${String(pid)}): ${cmd}`).join("\n");
  throw new LockError(
    `'${busy}' is busy, it is being blocked by:\n${names}\n\nIf there are no processes with such PIDs, you can manually remove '${fileOf(repo)}' and try again.`,
  );
}

function entriesOf(locks: PathLocks, mode: "read" | "write"): [OsPath, LockInfo[]][] {
  return mode === "read"
    ? [...locks.read].map(([path, infos]) => [path, [...infos]])
    : [...locks.write].map(([path, info]) => [path, [info]]);
}

function drop(locks: PathLocks, mode: "read" | "write", path: OsPath, info: LockInfo): void {
  if (mode === "write") {
    const known = locks.write.get(path);
    if (known !== undefined && isSame(known, info)) locks.write.delete(path);
    return;
  }
  const left = (locks.read.get(path) ?? []).filter((one) => !isSame(one, info));
  if (left.length === 0) locks.read.delete(path);
  else locks.read.set(path, left);
}

/** Adds what is not there yet; gives what was added, so that nested work does not release it early. */
function take(locks: PathLocks, mine: LockInfo, paths: LockedPaths): LockedPaths {
  const read = paths.read.filter((path) => !(locks.read.get(path) ?? []).some((one) => isSame(one, mine)));
  const write = paths.write.filter((path) => {
    const known = locks.write.get(path);
    return known === undefined || !isSame(known, mine);
  });
  for (const path of read) locks.read.set(path, [...(locks.read.get(path) ?? []), mine]);
  for (const path of write) locks.write.set(path, mine);
  return { read, write };
}

function release(locks: PathLocks, mine: LockInfo, taken: LockedPaths): void {
  for (const path of taken.write) drop(locks, "write", path, mine);
  for (const path of taken.read) drop(locks, "read", path, mine);
}
