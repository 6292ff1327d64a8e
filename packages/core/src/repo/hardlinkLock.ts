import { linkSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { removeQuietly } from "../fs/atomic.ts";
import type { TryLock } from "./fileLock.ts";

/** How long a lock is good for when its holder never comes back: DVC's own value. In ms. */
const LIFETIME = 365 * 24 * 3600 * 1000;
/** Clocks of machines that share a disk may differ by this much, in ms. */
const CLOCK_SLOP = 10_000;

/**
 * `core.hardlink_lock`: for network disks without flock. A file of our own is linked to the lock's name, which only one
 * can do; its time of change says until when the lock holds. As flufl.lock does it, so that DVC and we keep out each other.
 */
export const tryHardlink: TryLock = (path, pid) => {
  const claim = claimFile(path, pid);
  writeFileSync(claim, claim);
  touch(claim);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      linkSync(claim, path);
      return { release: () => release(path, claim) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        removeQuietly(claim);
        throw error;
      }
      if (!hasExpired(path)) break;
      removeQuietly(path);
    }
  }
  removeQuietly(claim);
  return undefined;
};

function claimFile(path: OsPath, pid: number): OsPath {
  // Loaded only here: most projects never come this way.
  const { createHash, randomInt } = process.getBuiltinModule("node:crypto");
  const name = [path, hostname(), String(pid), String(randomInt(2 ** 31))].join("|");
  return join(dirname(path), `${createHash("md5").update(name).digest("hex")}.lock`);
}

function touch(file: OsPath): void {
  const until = new Date(Date.now() + LIFETIME);
  utimesSync(file, until, until);
}

function hasExpired(path: OsPath): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.mtimeMs + CLOCK_SLOP < Date.now();
}

function release(path: OsPath, claim: OsPath): void {
  // Only what is still ours: the lock may have been broken by hand meanwhile.
  const [mine, theirs] = [statSync(claim, { throwIfNoEntry: false }), statSync(path, { throwIfNoEntry: false })];
  if (mine !== undefined && theirs?.ino === mine.ino) unlinkSync(path);
  removeQuietly(claim);
}
