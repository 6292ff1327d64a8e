import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { NotDvcRepoError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";

/** The folder that makes a folder a project. */
export const DVC_DIR = ".dvc";

/** The nearest folder from `start` upwards that holds a `.dvc` folder, on the same disk; undefined when there is none. */
export function findProjectRoot(start: OsPath): OsPath | undefined {
  const device = statSync(start).dev;
  for (let at = start; ; at = dirname(at)) {
    if (statSync(join(at, DVC_DIR), { throwIfNoEntry: false })?.isDirectory() === true) return at;
    const parent = dirname(at);
    if (parent === at || statSync(parent).dev !== device) return undefined;
  }
}

/** The same, for callers that need one. @throws {NotDvcRepoError} with DVC's text. */
export function requireProjectRoot(start: OsPath): OsPath {
  const root = findProjectRoot(start);
  if (root === undefined) {
    throw new NotDvcRepoError(
      `you are not inside of a DVC repository (checked up to mount point '${mountPoint(start)}')`,
    );
  }
  return root;
}

function mountPoint(start: OsPath): OsPath {
  const device = statSync(start).dev;
  for (let at = start; ; at = dirname(at)) {
    const parent = dirname(at);
    if (parent === at || statSync(parent).dev !== device) return at;
  }
}
