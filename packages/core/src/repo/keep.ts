import { lstatSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { isStrictlyInside, posixRelative } from "../base/paths.ts";
import type { Built } from "../data/build.ts";
import { freeEditedLinks } from "../data/editedLinks.ts";
import { displace, stagingPath } from "../data/swap.ts";
import { holdsUnrecorded } from "../data/unrecorded.ts";
import { removeTree } from "../fs/heldFolders.ts";
import { TRASH_FOLDER } from "../odb/objectDb.ts";
import { FillingBin } from "../odb/trash.ts";
import { cacheFor } from "./dataRoots.ts";
import { note, type NoteOptions } from "./journal.ts";
import { moveTree } from "./moveTree.ts";
import type { Repo } from "./repo.ts";
import { emptyWorkspaceTrash } from "./trash.ts";

/** Longer manifests go into the cache, not into the journal (bytes). */
const MOST_MANIFEST = 8 << 20;

/** Takes what a path held out of the workspace, and notes it: what is in no cache goes into a bin of the trash. */
export class Keeper {
  readonly #repo: Repo;
  readonly #bin: FillingBin;

  /** `verb`: what the bin says of where it comes from. */
  constructor(repo: Repo, verb: string) {
    this.#repo = repo;
    this.#bin = new FillingBin([join(repo.tmpDir, TRASH_FOLDER)], {
      command: `${repo.env.programName} ${verb}`,
      project: repo.root,
    });
  }

  /**
   * Moves a file, link or folder of the project into the trash.
   * @param options `isNoted` false: `undo` is not to bring it back
   * @returns where it lies now; undefined when it was gone.
   * @throws the file system's error
   */
  keep(path: OsPath, { isNoted = true }: { readonly isNoted?: boolean } = {}): OsPath | undefined {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    // Of a link into the cache, what was edited through it is kept, not the way there.
    const { cache } = this.#repo;
    if (stat.isSymbolicLink() || cache.linkTypes.includes("symlink")) freeEditedLinks(path, cache.root);
    const name = isStrictlyInside(this.#repo.root, path) ? posixRelative(this.#repo.root, path) : basename(path);
    const at = this.#bin.placeFor(path, name);
    if (isNoted) note(this.#repo, { kind: "kept", path, at });
    try {
      return this.#bin.keep(this.#homeOf(path), path, at);
    } catch (error) {
      if (!isElsewhere(error)) throw error;
      return this.#keepElsewhere(path, at);
    }
  }

  /**
   * From another file system than the trash's a file is copied: beside its place, in a tracked folder, it would be one more. A
   * whole output that is a folder stays beside, unless it can't be renamed at all (overlayfs).
   */
  #keepElsewhere(path: OsPath, at: OsPath): OsPath {
    if (!lstatSync(path).isDirectory()) return this.#copyIntoBin(path, at);
    try {
      const beside = displace(path, undefined);
      note(this.#repo, { kind: "kept", path, at: beside });
      return beside;
    } catch (error) {
      if (!isElsewhere(error)) throw error;
      return this.#copyIntoBin(path, at);
    }
  }

  #copyIntoBin(path: OsPath, at: OsPath): OsPath {
    moveTree(this.#repo, { path, home: this.#homeOf(path) }, { path: at, home: dirname(at) });
    return at;
  }

  /** Where the bin lies; undefined as long as it holds nothing. */
  get path(): OsPath | undefined {
    return this.#bin.path;
  }

  /** Removes what `held` says of a path: for good when a cache has all of it, else into the trash. */
  drop(path: OsPath, held: Built | undefined): void {
    if (held === undefined || !this.mayDrop(path, held)) this.keep(path);
    else this.remove(path, held);
  }

  /** Removes what a cache has. */
  remove(path: OsPath, held: Built, options: NoteOptions = {}): void {
    note(
      this.#repo,
      { kind: "data", path, before: held.hash, after: null, ...manifestText(this.#repo, held) },
      options,
    );
    removeTree(this.#homeOf(path), path, stagingPath(this.#repo.tmpDir));
  }

  /** What it must not be moved out of by a link on the way: the project, or the folder of what lies beside it. */
  #homeOf(path: OsPath): OsPath {
    return isStrictlyInside(this.#repo.root, path) ? this.#repo.root : dirname(path);
  }

  /** Whether a cache has all of a path, ignored files too. */
  mayDrop(path: OsPath, held: Built): boolean {
    return isStored(this.#repo, held) && !holdsUnrecorded(path, held.tree);
  }

  /** Notes what the bin holds; what lies in the trash for too long goes. */
  finish(): void {
    this.#bin.finish();
    if (this.#bin.path !== undefined) emptyWorkspaceTrash(this.#repo);
  }
}

const isElsewhere = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "EXDEV";

/** Whether the cache has all files that were found, in sound condition. */
export function isStored(repo: Repo, { hash, tree }: Built): boolean {
  const oids = new Set(tree === undefined ? [hash.value] : tree.entries.map(({ md5 }) => md5));
  return cacheFor(repo, hash).intact(oids).size === oids.size;
}

/** The manifest of a folder that was never stored: the cache does not have it. */
export function manifestText(repo: Repo, { hash, tree }: Built): { readonly manifest?: string } {
  const cache = cacheFor(repo, hash);
  if (tree === undefined || cache.exists([hash.value]).size > 0) return {};
  const manifest = tree.serialize();
  if (manifest.length <= MOST_MANIFEST) return { manifest: manifest.toString("utf8") };
  cache.addTree(tree);
  cache.flush();
  return {};
}
