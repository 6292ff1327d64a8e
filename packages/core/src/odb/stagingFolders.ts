import { chmodSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { isLeftover, removeTreeQuietly, temporaryPath } from "../fs/atomic.ts";
import { HeldShards } from "./heldShards.ts";
import { makeObjectFolder } from "./objectFolder.ts";

/** A staging folder whose process is gone and that nobody has touched for an hour is removed. */
const IDLE_MS = 3_600_000;

/**
 * Folders beside the folders of objects, one a thread, where new objects lie until their bytes are safe on disk. Their
 * names are known to `gc`; those of ended runs are cleaned away when the next are prepared.
 */
export class StagingFolders {
  /** The folder of the object folders. */
  readonly objects: OsPath;
  /** Object folders present at the start. */
  readonly shards: readonly string[];
  readonly #dirMode: number | undefined;
  #folders: OsPath[] = [];
  #fresh: OsPath | undefined;
  readonly #shards: HeldShards;

  /** Makes `objects` when it is not there, with `dirMode` (else 0777 less the umask). @throws the file system's error. */
  constructor(objects: OsPath, dirMode: number | undefined, follows = false) {
    this.objects = objects;
    this.#shards = new HeldShards(follows);
    this.#dirMode = dirMode;
    makeObjectFolder(objects, dirMode);
    const names = readdirSync(objects);
    this.shards = names.filter((name) => name.length === 2);
    for (const name of names) {
      const path = join(objects, name);
      if (name.startsWith(".") && isLeftover(name) && isIdle(path)) removeTreeQuietly(path);
    }
  }

  /** The folders in use. */
  get folders(): readonly OsPath[] {
    return this.#folders;
  }

  /** Makes one folder a thread. */
  open(threads: number): readonly OsPath[] {
    for (let thread = 0; thread < threads; thread++) {
      const folder = temporaryPath(join(this.objects, "in"), thread);
      mkdirSync(folder);
      this.#folders.push(folder);
    }
    return this.#folders;
  }

  /**
   * Makes whole object folders (two digits, none of which exists) aside, in a folder of their own. Files created straight
   * under their names need no rename each.
   * @returns the folder that they lie in.
   */
  openFresh(shards: Iterable<string>): OsPath {
    const fresh = temporaryPath(join(this.objects, "new"));
    mkdirSync(fresh);
    this.#fresh = fresh;
    for (const shard of shards) {
      const folder = join(fresh, shard);
      mkdirSync(folder);
      if (this.#dirMode !== undefined) chmodSync(folder, this.#dirMode);
    }
    return fresh;
  }

  /** Gives a fresh object folder its place; where another process has made one meanwhile, file by file. */
  placeFresh(shard: string): void {
    const from = join(this.#fresh ?? "", shard);
    const to = join(this.objects, shard);
    try {
      renameSync(from, to);
    } catch (error) {
      if (statSync(to, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
      for (const name of readdirSync(from)) this.place(join(from, name), join(to, name));
    }
  }

  /** Gives a staged object its name in an object folder that is there. */
  place(from: OsPath, to: OsPath): void {
    this.#shards.rename(from, to);
  }

  /** Makes an object folder (two digits). */
  makeShard(shard: string): void {
    makeObjectFolder(join(this.objects, shard), this.#dirMode);
  }

  /** Removes the folders with whatever is left in them. */
  clear(): void {
    this.#shards.close();
    for (const folder of this.#folders) removeTreeQuietly(folder);
    if (this.#fresh !== undefined) removeTreeQuietly(this.#fresh);
    this.#folders = [];
    this.#fresh = undefined;
  }
}

/** Whether nothing happened in the folder for long: on a shared disk its process may be one of another machine. */
function isIdle(folder: OsPath): boolean {
  const oldest = Date.now() - IDLE_MS;
  try {
    return [folder, ...readdirSync(folder).map((name) => join(folder, name))].every(
      (path) => statSync(path).mtimeMs < oldest,
    );
  } catch {
    return false; // not a folder, or gone
  }
}
