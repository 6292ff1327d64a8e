import { lstatSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DvcError } from "../base/errors.ts";
import { isStrictlyInside, type OsPath, type RelPath } from "../base/paths.ts";
import { unprotectPath, unprotectPaths } from "../data/unprotect.ts";
import { type HashInfo, isDirHash } from "../hash/hashInfo.ts";
import type { Tree } from "../odb/tree.ts";
import { cacheFor } from "../repo/dataRoots.ts";
import { pointersOf } from "../repo/pointers.ts";
import type { Repo } from "../repo/repo.ts";

/**
 * A `.dvc` file got an earlier text: data that it no longer names is no link into a cache any more, as after `remove`. The
 * next gc may take the object, and whoever edits the file shall not need to know.
 * @param now what the file said
 * @param before what it says again; null: it is gone
 */
export function releaseUnnamed(repo: Repo, file: OsPath, now: string, before: string | null, home: OsPath): void {
  if (!basename(file).endsWith(".dvc")) return;
  const named = before === null ? new Map<OsPath, HashInfo>() : dataOf(file, before);
  for (const [path, hash] of dataOf(file, now)) releaseData(repo, path, hash, named.get(path), home);
}

/** Data that is recorded as `now` shall be recorded as `before` again, or not at all: what only `now` names is no link any more. */
export function releaseData(repo: Repo, path: OsPath, now: HashInfo, before: HashInfo | undefined, home: OsPath): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  if (before === undefined) unprotectPath(path, home);
  else if (before.value !== now.value) releaseChanged(repo, path, now, before, home);
}

/** Files that the one hash names and the other does not, at their places; copies are left as they are. */
function releaseChanged(repo: Repo, path: OsPath, now: HashInfo, before: HashInfo, home: OsPath): void {
  const files = isDirHash(now.value) ? filesThatDiffer(treeOf(repo, now), treeOf(repo, before)) : [""];
  const changed = files.map((relpath) => join(path, relpath));
  unprotectPaths(changed.filter(isLinked), home);
}

function filesThatDiffer(now: Tree | undefined, before: Tree | undefined): RelPath[] {
  const differing: RelPath[] = [];
  for (const { relpath, md5 } of now ?? []) if (before?.get(relpath)?.md5 !== md5) differing.push(relpath);
  return differing;
}

function isLinked(path: OsPath): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  const isLink = stat?.isSymbolicLink() === true && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  return isLink || (stat?.isFile() === true && stat.nlink > 1);
}

function treeOf(repo: Repo, hash: HashInfo): Tree | undefined {
  return isDirHash(hash.value) ? cacheFor(repo, hash).peekTree(hash.value) : undefined;
}

/** The data of a `.dvc` file below its folder. */
function dataOf(file: OsPath, text: string): Map<OsPath, HashInfo> {
  const folder = dirname(file);
  try {
    const all = pointersOf(file, text).map(({ path, hash }) => [join(folder, path), hash] as const);
    return new Map(all.filter(([path]) => isStrictlyInside(folder, path)));
  } catch (error) {
    if (error instanceof DvcError) return new Map(); // edited since, and no longer to be read: it lies in the trash
    throw error;
  }
}
