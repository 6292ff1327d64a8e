import { lstatSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { UnsafePathError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { isInside, isReservedName, isStrictlyInside } from "../base/paths.ts";

/**
 * Checks that writing at `path` stays inside `root`: no `..`, no `.git` or `.dvc` on the way, and no parent folder that is
 * a link leaving `root` or leading into those. `path` itself may be a link: it is replaced, never followed.
 * @throws {UnsafePathError}
 */
export function guardPath(root: OsPath, path: OsPath): void {
  if (!isStrictlyInside(root, path)) throw refused(path, `it lies outside of '${root}'`);
  const parts = path.slice(root.endsWith(sep) ? root.length : root.length + 1).split(sep);
  if (parts.includes("..")) throw refused(path, "it holds '..'");
  const reserved = parts.find(isReservedName);
  if (reserved !== undefined) throw refused(path, `it touches '${reserved}'`);
  let at = root;
  for (const part of parts.slice(0, -1)) {
    at = join(at, part);
    const stat = lstatSync(at, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isSymbolicLink()) guardLink(root, path, at);
  }
}

function guardLink(root: OsPath, path: OsPath, link: OsPath): void {
  let target: OsPath;
  let home: OsPath;
  try {
    target = realpathSync(link);
    home = realpathSync(root);
  } catch {
    throw refused(path, `'${link}' is a broken link`);
  }
  if (!isInside(home, target)) throw refused(path, `the link '${link}' leads out of '${root}'`);
  const reserved = target.slice(home.length).split(sep).find(isReservedName);
  if (reserved !== undefined) throw refused(path, `the link '${link}' leads into '${reserved}'`);
}

/** The nearest folder at or above `path` that exists. */
export function existingParent(path: OsPath): OsPath {
  let at = path;
  while (lstatSync(at, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const up = dirname(at);
    if (up === at) return at;
    at = up;
  }
  return at;
}

function refused(path: OsPath, reason: string): UnsafePathError {
  return new UnsafePathError(`refusing to write '${path}': ${reason}`, { hint: "Nothing was written there." });
}
