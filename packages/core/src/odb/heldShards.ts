import { readFileSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { HeldFolders, inHeldFolder } from "../fs/heldFolders.ts";

/** A cache has so many folders of objects. */
const SHARDS = 256;
/** What Node and we have open besides, and the share of the rest that is taken for them: there may be three threads that do so. */
const OTHERS = 40;
const SHARE = 1 / 4;
let most: number | undefined;

/** How many folders are held at once: all of a cache where the process may open that many. */
function mostHeld(): number {
  return (most ??= Math.max(1, Math.min(SHARDS, Math.floor((openLimit() - OTHERS) * SHARE))));
}

/** How many files and folders this process may have open; 1024, as is usual, where the system does not tell. */
function openLimit(): number {
  try {
    const text = readFileSync("/proc/self/limits", "latin1");
    return Number(/^Max open files +(\d+)/m.exec(text)?.[1] ?? Infinity);
  } catch {
    return 1024;
  }
}

/**
 * The folders of objects in which objects get their names, held open: in a cache that is shared anybody may put a link to
 * elsewhere in the place of one at any moment, and no name is given there.
 */
export class HeldShards {
  /** By the folder of the 256 folders. */
  readonly #homes = new Map<OsPath, HeldFolders>();
  readonly #follows: boolean;

  /** `follows`: links are followed; for remotes, whose owner may have put some of it elsewhere. */
  constructor(follows = false) {
    this.#follows = follows;
  }

  /** Gives a file its name, from beside it or from elsewhere on the same file system. @throws {UnsafePathError}; the file system's error */
  rename(from: OsPath, path: OsPath): void {
    if (this.#follows) {
      renameSync(from, path);
      return;
    }
    const [shard, isBeside] = [dirname(path), dirname(from) === dirname(path)];
    this.#below(dirname(shard)).in(path, (at) => {
      renameSync(isBeside ? join(dirname(at), basename(from)) : from, at);
    });
  }

  /** Lets go of the folders. */
  close(): void {
    for (const held of this.#homes.values()) held.close();
    this.#homes.clear();
  }

  #below(home: OsPath): HeldFolders {
    let held = this.#homes.get(home);
    if (held === undefined) this.#homes.set(home, (held = new HeldFolders(home, mostHeld())));
    return held;
  }
}

/** Runs `work` with a path for an object that leads into its folder of objects, held open. For a few. @throws {UnsafePathError} */
export function inShard<T>(path: OsPath, work: (at: OsPath) => T): T {
  return inHeldFolder(dirname(dirname(path)), path, work);
}
