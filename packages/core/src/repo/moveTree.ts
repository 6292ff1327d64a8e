import { cpSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { stagingPath } from "../data/swap.ts";
import { removeLeftovers, temporaryPath } from "../fs/atomic.ts";
import { removeTree, renameHeld } from "../fs/heldFolders.ts";
import { syncFileSystem } from "../odb/durable.ts";
import type { Repo } from "./repo.ts";

/** A path, and the folder that it must not be led out of by a link. */
export interface Placed {
  readonly path: OsPath;
  readonly home: OsPath;
}

/**
 * Moves a file or folder to where nothing is: by one rename, or, to another file system and for a folder that overlayfs has of a
 * lower layer, by a copy that gets its place by one rename before the original goes.
 * @throws the file system's error
 */
export function moveTree(repo: Repo, from: Placed, to: Placed): void {
  removeLeftovers(to.path);
  try {
    renameHeld(from.path, from.home, to.path, to.home);
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
  }
  const copy = temporaryPath(to.path);
  try {
    cpSync(from.path, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    syncFileSystem(dirname(copy));
    renameHeld(copy, to.home, to.path, to.home);
  } catch (error) {
    rmSync(copy, { recursive: true, force: true });
    throw error;
  }
  removeTree(from.home, from.path, stagingPath(repo.tmpDir));
}
