import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, sep } from "node:path";
import { UnsafePathError } from "../base/errors.ts";
import { isInside, isReservedName, type OsPath } from "../base/paths.ts";
import { closeQuietly } from "./closeQuietly.ts";

/** Where Linux shows the folders that a process holds open, each as a link that leads to it wherever it is moved. */
const HELD = "/proc/self/fd/";
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY;

let canHold: boolean | undefined;

/**
 * Folders below `home` held open while something is changed in them: each was seen to be part of `home` when it was opened, so
 * whatever comes to its path meanwhile, a link to elsewhere too, nothing is changed elsewhere. Where folders can't be held
 * (not Linux) they are looked at right before. The last few that were used stay open until {@link close}.
 */
export class HeldFolders {
  readonly #home: OsPath;
  readonly #most: number;
  #realHome: OsPath | undefined;
  /** By path. */
  readonly #held = new Map<OsPath, { readonly fd: number; readonly ino: number; readonly dev: number }>();

  /** `most`: so many folders stay open at once. */
  constructor(home: OsPath, most = 1) {
    this.#home = home;
    this.#most = most;
  }

  /**
   * Runs `work` with a path for `path` that leads into the folder held.
   * @throws {UnsafePathError} when its folder lies elsewhere, or in `.git` or `.dvc`; what `work` throws
   */
  in<T>(path: OsPath, work: (at: OsPath) => T): T {
    const folder = dirname(path);
    if (path === this.#home) return work(path);
    canHold ??= existsSync(HELD);
    if (!canHold) {
      this.#check(path, realpathSync.native(folder));
      return work(path);
    }
    const held = `${HELD}${String(this.#hold(folder, path))}`;
    try {
      return work(`${held}/${basename(path)}`);
    } catch (error) {
      throw withRealPaths(error, held, folder);
    }
  }

  /** Makes a folder, and those above it up to `home`, as {@link in} does it. */
  make(folder: OsPath): void {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true || !isInside(this.#home, folder)) return;
    this.make(dirname(folder));
    this.in(folder, (at) => {
      try {
        mkdirSync(at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    });
  }

  /** Lets go of the folders. */
  close(): void {
    for (const folder of [...this.#held.keys()]) this.#letGo(folder);
  }

  #hold(folder: OsPath, path: OsPath): number {
    const held = this.#held.get(folder);
    if (held !== undefined) {
      const now = statSync(folder, { throwIfNoEntry: false });
      if (now?.ino === held.ino && now.dev === held.dev) return held.fd;
    }
    this.#letGo(folder);
    const [oldest] = this.#held.size < this.#most ? [] : this.#held.keys();
    if (oldest !== undefined) this.#letGo(oldest);
    const fd = openSync(folder, FOLDER);
    try {
      this.#check(path, readlinkSync(`${HELD}${String(fd)}`));
      const { ino, dev } = statSync(`${HELD}${String(fd)}/.`);
      this.#held.set(folder, { fd, ino, dev });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  }

  #letGo(folder: OsPath): void {
    const held = this.#held.get(folder);
    this.#held.delete(folder);
    if (held !== undefined) closeQuietly(held.fd);
  }

  #check(path: OsPath, real: OsPath): void {
    this.#realHome ??= realpathSync.native(this.#home);
    if (!isInside(this.#realHome, real))
      throw refused(path, `its folder is a link to '${real}', out of '${this.#home}'`);
    const reserved = real.slice(this.#realHome.length).split(sep).find(isReservedName);
    if (reserved !== undefined && !isInReserved(this.#home, path))
      throw refused(path, `its folder is a link into '${reserved}'`);
  }
}

/** Runs `work` with folders below `home` that are let go of at its end. */
export function withHeldFolders<T>(home: OsPath, work: (held: HeldFolders) => T): T {
  const held = new HeldFolders(home);
  try {
    return work(held);
  } finally {
    held.close();
  }
}

/** Runs `work` on one path as {@link HeldFolders.in} does it. */
export function inHeldFolder<T>(home: OsPath, path: OsPath, work: (at: OsPath) => T): T {
  return withHeldFolders(home, (held) => held.in(path, work));
}

/** Renames within the two folders: what comes from below `fromHome` stays below `toHome`. @throws as {@link HeldFolders.in} */
export function renameHeld(from: OsPath, fromHome: OsPath, to: OsPath, toHome: OsPath): void {
  inHeldFolder(fromHome, from, (source) => {
    inHeldFolder(toHome, to, (target) => {
      renameSync(source, target);
    });
  });
}

/** Removes a file or link below `home`. Absence is no error. @throws as {@link HeldFolders.in} */
export function removeHeldFile(home: OsPath, path: OsPath): void {
  inHeldFolder(home, path, (at) => {
    rmSync(at, { force: true });
  });
}

/**
 * Removes a file, or a folder with all that it holds. A folder is first moved out of sight, to `aside` on the same file system:
 * there nobody puts a link into it while it is emptied. Absence is no error.
 */
export function removeTree(home: OsPath, path: OsPath, aside: OsPath): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  inHeldFolder(home, path, (at) => {
    if (!stat.isDirectory()) {
      rmSync(at, { force: true });
      return;
    }
    try {
      renameSync(at, aside);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EXDEV" && code !== "EBUSY") throw error;
      rmSync(at, { recursive: true, force: true });
    }
  });
  rmSync(aside, { recursive: true, force: true });
}

/** Whether the caller itself named a place in `.git` or `.dvc`. */
function isInReserved(home: OsPath, path: OsPath): boolean {
  return path.slice(home.length).split(sep).some(isReservedName);
}

/** A person knows nothing of the numbers of open folders. */
function withRealPaths(error: unknown, held: OsPath, folder: OsPath): unknown {
  const failure = error as NodeJS.ErrnoException & { dest?: string };
  for (const key of ["path", "dest", "message"] as const) {
    const text = failure[key];
    if (typeof text === "string" && text.includes(held)) failure[key] = text.replaceAll(held, folder);
  }
  return error;
}

function refused(path: OsPath, reason: string): UnsafePathError {
  return new UnsafePathError(`refusing to change '${path}': ${reason}`, { hint: "Nothing was changed there." });
}
