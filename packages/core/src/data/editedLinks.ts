import { type Dirent, lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { newFileMode } from "../base/fileMode.ts";
import { isInside, isReservedName, type OsPath } from "../base/paths.ts";
import { type HeldFolders, withHeldFolders } from "../fs/heldFolders.ts";
import { replaceByCopy } from "./linkCopies.ts";

/** An object is read-only as long as nobody edited it. */
const WRITABLE = 0o222n;

/**
 * Gives symlinks to objects of a cache that were edited through the link files of their own: the damaged object will leave
 * the cache, what was edited must not go with it.
 */
export function freeEditedLinks(path: OsPath, cache: OsPath): void {
  withHeldFolders(dirname(path), (held) => {
    freeBelow(path, cache, held);
  });
}

function freeBelow(path: OsPath, cache: OsPath, held: HeldFolders): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) {
    for (const entry of readdirSync(path, { withFileTypes: true }))
      if (entry.isDirectory() || entry.isSymbolicLink()) freeBelow(join(path, entry.name), cache, held);
  } else if (stat?.isSymbolicLink() === true && wasEditedThrough(path) && isInside(realOf(cache), realpathSync(path)))
    replaceByCopy(path, newFileMode(), held);
}

/** The symlinks of a workspace, by what they lead to; found at the first question. */
export class WorkspaceLinks {
  readonly #root: OsPath;
  #byTarget: Map<OsPath, OsPath[]> | undefined;

  constructor(root: OsPath) {
    this.#root = root;
  }

  /** Gives the links to an object that somebody edited it through files of their own. @returns their paths */
  free(object: OsPath): readonly OsPath[] {
    this.#byTarget ??= linksBelow(this.#root);
    const links = this.#byTarget.get(realOf(object)) ?? [];
    return withHeldFolders(this.#root, (held) =>
      links.filter((link) => {
        if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() !== true || !wasEditedThrough(link))
          return false;
        replaceByCopy(link, newFileMode(), held);
        return true;
      }),
    );
  }
}

function linksBelow(root: OsPath): Map<OsPath, OsPath[]> {
  const found = new Map<OsPath, OsPath[]>();
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of entriesOf(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !isReservedName(entry.name)) folders.push(path);
      if (!entry.isSymbolicLink()) continue;
      const target = realOf(path);
      const links = found.get(target);
      if (links === undefined) found.set(target, [path]);
      else links.push(path);
    }
  }
  return found;
}

/** What cannot be listed holds no link of ours. */
function entriesOf(folder: OsPath): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Bits that rot leave mode and time of an object as they were; whoever edits it changes one of them. */
function wasEditedThrough(link: OsPath): boolean {
  const object = statSync(link, { bigint: true, throwIfNoEntry: false });
  if (object?.isFile() !== true) return false;
  const own = lstatSync(link, { bigint: true });
  return (object.mode & WRITABLE) !== 0n || object.mtimeNs > own.mtimeNs;
}

function realOf(path: OsPath): OsPath {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
