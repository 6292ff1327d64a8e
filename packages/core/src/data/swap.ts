import { lstatSync, mkdirSync, renameSync, rmdirSync, statSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { removeLeftovers, removeTreeQuietly, temporaryPath } from "../fs/atomic.ts";
import type { Stamp } from "./plan.ts";
import { existingParent } from "./planGuard.ts";
import type { HeldFolders } from "../fs/heldFolders.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** What staging folders are called, between the dot and the process id. */
const STAGING = "checkout";

/**
 * Makes a fresh folder to build in: on the same file system as `target`, so that each built file or folder gets its place by
 * one rename. `tmp` is taken when it can be, else the nearest existing folder above the target. `made` holds those that
 * this run has made already, by the folder that holds them.
 */
export function makeStaging(target: OsPath, tmp: OsPath | undefined, made: Map<OsPath, OsPath> = new Map()): OsPath {
  const beside = existingParent(dirname(target));
  const home = sameDevice(tmp, beside) ?? beside;
  let folder = made.get(home);
  if (folder === undefined) {
    folder = stagingPath(home);
    mkdirSync(folder);
    made.set(home, folder);
  }
  return folder;
}

/** A name for a folder in `home` that {@link cleanStaging} removes when its process has ended. */
export function stagingPath(home: OsPath): OsPath {
  return temporaryPath(join(home, STAGING));
}

/** Runs `work` with a folder of its own in `home` that is gone afterwards. One that a killed run left goes as staging folders do. */
export async function inScratch<T>(home: OsPath, work: (folder: OsPath) => Promise<T>): Promise<T> {
  makeFolders(home);
  const folder = stagingPath(home);
  mkdirSync(folder);
  try {
    return await work(folder);
  } finally {
    removeTreeQuietly(folder);
  }
}

/** Removes the staging folders that killed runs left where `target` would be staged. They hold nothing but copies. */
export function cleanStaging(target: OsPath, tmp: OsPath | undefined, cleaned: Set<OsPath>): void {
  const beside = existingParent(dirname(target));
  for (const folder of tmp === undefined ? [beside] : [tmp, beside]) {
    if (cleaned.has(folder)) continue;
    cleaned.add(folder);
    removeLeftovers(join(folder, STAGING));
  }
}

/** Gives a built file or folder its place, where nothing may be. @throws {DvcError} when something is there by now. */
export function placeNew(from: OsPath, to: OsPath, held: HeldFolders): void {
  held.in(to, (at) => {
    if (lstatSync(at, { throwIfNoEntry: false }) !== undefined) throw changedMeanwhile(to);
    renameSync(from, at);
  });
}

/** Replaces a file by a built one in one step. @throws {DvcError} when it is no longer as it was when it was compared. */
export function replaceFile(from: OsPath, to: OsPath, old: Stamp, held: HeldFolders): void {
  held.in(to, (at) => {
    expectUntouched(at, to, old);
    renameSync(from, at);
  });
}

/**
 * Removes a file or link, by `keep` when it is not to be lost. Absence is no error.
 * @throws {DvcError} when it is no longer as it was when it was compared.
 */
export function removeFile(
  path: OsPath,
  old: Stamp,
  held: HeldFolders,
  keep?: (path: OsPath) => OsPath | undefined,
): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  held.in(path, (at) => {
    expectUntouched(at, path, old);
    if (keep === undefined) unlinkSync(at);
  });
  keep?.(path);
}

/** Removes a folder if it is empty; false when something (ignored, new) is still in it. */
export function removeFolder(path: OsPath, held: HeldFolders): boolean {
  try {
    held.in(path, rmdirSync);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return true;
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "EBUSY") return false;
    throw error;
  }
}

/**
 * Moves something out of the workspace without deleting it, because nothing can bring it back.
 * @returns where it lies now.
 */
export function displace(path: OsPath, tmp: OsPath | undefined): OsPath {
  const home = sameDevice(tmp, dirname(path));
  const folder = home === undefined ? dirname(path) : join(home, "displaced");
  makeFolders(folder);
  for (let n = 1; ; n++) {
    const to = join(folder, `${basename(path)}.displaced.${String(n)}`);
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) continue;
    renameSync(path, to);
    return to;
  }
}

function expectUntouched(at: OsPath, path: OsPath, old: Stamp): void {
  const now = lstatSync(at, { bigint: true, throwIfNoEntry: false });
  // Not the change time: it moves when another name of the same file is made or removed.
  if (now?.ino !== old.ino || now.size !== old.size || now.mtimeNs !== old.mtimeNs) throw changedMeanwhile(path);
}

function changedMeanwhile(path: OsPath): DvcError {
  return new DvcError(`'${path}' was changed while files were being checked out`, {
    code: "unsaved-files",
    hint: "It was left as it is. Run the command again.",
  });
}

function sameDevice(tmp: OsPath | undefined, beside: OsPath): OsPath | undefined {
  if (tmp === undefined) return undefined;
  const stat = lstatSync(tmp, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.dev === statSync(beside).dev ? tmp : undefined;
}
