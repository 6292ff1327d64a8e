import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { compareCodePoints } from "../base/codePoints.ts";
import { DvcError, EncodingError, FormatError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { isStrictlyInside, type OsPath, posixRelative } from "../base/paths.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import type { ObjectDb } from "../odb/objectDb.ts";
import type { Tree } from "../odb/tree.ts";
import { cacheFor, recordedHash, type StageOutput } from "./dataRoots.ts";
import type { Index } from "./index.ts";
import type { Repo } from "./repo.ts";
import { isDvcFileName } from "./stageFiles.ts";
import { ofFile } from "../base/ofFile.ts";

/** Metrics and plots larger than this are not read (bytes). */
const MAX_BYTES = 64 * 1024 * 1024;

/** A file that is neither there nor in the cache nor on its remote. The message is Python's. */
export class MissingFileError extends DvcError {
  constructor(message: string) {
    super(message, { code: "not-found" });
  }
}

/** A tracked folder whose manifest can't be had. The message is DVC's. */
export class FolderError extends DvcError {
  constructor(folder: string, cause: unknown) {
    const key = folder.split("/").map((part) => `'${part}'`);
    super(`failed to load directory (${key.join(", ")}${key.length === 1 ? "," : ""})`, {
      code: "missing-object",
      cause,
    });
  }
}

/**
 * The contents of a project at one moment: plain files of the workspace or of a commit, and what is tracked, from the cache
 * or else from its remote (and then it is in the cache). The index is loaded only when a plain file is missing.
 */
export class RevisionFiles {
  readonly #repo: Repo;
  readonly #index: Index;
  readonly #options: CallOptions;
  readonly #trees = new Map<StageOutput, Promise<Tree | undefined>>();
  #outs: ReadonlyMap<OsPath, StageOutput> | undefined;

  constructor(repo: Repo, index: Index, options: CallOptions = {}) {
    this.#repo = repo;
    this.#index = index;
    this.#options = options;
  }

  /** Says which files will be read: those of a commit then come together. */
  expect(paths: Iterable<OsPath>): void {
    const { rev } = this.#index;
    if (rev !== undefined) this.#repo.git?.tree(rev).expect(paths);
  }

  /** Whether a file or folder is there, or recorded. */
  async exists(path: OsPath): Promise<boolean> {
    if (this.#index.source.exists(path)) return true;
    return this.#output(path) !== undefined || (await this.isFolder(path));
  }

  /** Whether `path` is a folder, plain or tracked, or leads to something tracked. */
  async isFolder(path: OsPath): Promise<boolean> {
    const { source } = this.#index;
    if (source.isFile(path)) return false;
    // A pipe or device of the workspace is no folder.
    if (source.exists(path)) return this.#index.rev !== undefined || statSync(path).isDirectory();
    const one = this.#output(path);
    if (one === undefined) return this.#outputsBelow(path).length > 0;
    const tree = await this.#treeIfThere(one);
    if (tree === undefined) return false;
    return one.out.path === path || tree.hasFolder(posixRelative(one.out.path, path));
  }

  /** As `isFolder`, also for one whose manifest can't be had. @throws {FolderError} for a part of such a folder */
  async isKnownFolder(path: OsPath): Promise<boolean> {
    const one = this.#index.source.exists(path) ? undefined : this.#output(path);
    if (one === undefined || !this.#isFolderRecord(one)) return this.isFolder(path);
    if (one.out.path === path) return true;
    await this.#knownTree(one);
    return this.isFolder(path);
  }

  /** All files below a folder, by path, without those that make it a part of a project. */
  async filesBelow(folder: OsPath): Promise<OsPath[]> {
    const found = new Set(this.#plainBelow(folder));
    for (const one of this.#outputsBelow(folder)) {
      const tree = await this.#treeIfThere(one);
      if (tree !== undefined) for (const { relpath } of tree.entries) found.add(join(one.out.path, relpath));
      else if (!this.#isFolderRecord(one)) found.add(one.out.path);
    }
    const holder = this.#output(folder);
    const tree = holder === undefined || holder.out.path === folder ? undefined : await this.#treeIfThere(holder);
    if (holder !== undefined && tree !== undefined) {
      for (const { relpath } of tree.under(posixRelative(holder.out.path, folder)))
        found.add(join(holder.out.path, relpath));
    }
    return [...found].filter((path) => !isDvcFileName(path)).sort(compareCodePoints);
  }

  /**
   * Text of a file.
   * @throws {MissingFileError} in Python's words, {EncodingError}; {StorageError} when a remote fails.
   */
  async readText(path: OsPath): Promise<string> {
    return this.#plainText(path) ?? this.#decode(path, await this.#readTracked(path));
  }

  #plainText(path: OsPath): string | undefined {
    try {
      return this.#index.source.readText(path);
    } catch (error) {
      throw error instanceof EncodingError ? new EncodingError(shownInView(this.#repo, path)) : error;
    }
  }

  /** Bytes of a file. @throws {MissingFileError} in Python's words; {StorageError} when a remote fails. */
  async readBytes(path: OsPath): Promise<Uint8Array> {
    return this.#plainBytes(path) ?? (await this.#readTracked(path));
  }

  #plainBytes(path: OsPath): Uint8Array | undefined {
    const { rev, source } = this.#index;
    if (!source.isFile(path)) return undefined;
    if (rev !== undefined && this.#repo.git !== undefined) return this.#repo.git.tree(rev).readBytes(path, MAX_BYTES);
    if (statSync(path).size > MAX_BYTES)
      throw new FormatError(`'${shownInView(this.#repo, path)}' is too large to read`, { file: path });
    return ofFile(path, () => readFileSync(path));
  }

  #decode(path: OsPath, bytes: Uint8Array): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new EncodingError(shownInView(this.#repo, path));
    }
  }

  async #readTracked(path: OsPath): Promise<Uint8Array> {
    const shown = posixRelative(this.#repo.root, path);
    const one = this.#output(path);
    const oid = one === undefined ? undefined : await this.#objectOf(one, path);
    if (one === undefined || oid === null) {
      throw new MissingFileError(`[Errno 2] No such file or directory: '${shown}'`);
    }
    const bytes = oid === undefined ? undefined : await this.#readObject(one, oid);
    if (bytes === undefined) throw new MissingFileError(`[Errno 2] No storage files available: '${shown}'`);
    return bytes;
  }

  /** Name of the object with the contents of `path`; undefined when nothing is recorded, null when there is no such file. */
  async #objectOf(one: StageOutput, path: OsPath): Promise<string | null | undefined> {
    const hash = recordedHash(one);
    if (!this.#isFolderRecord(one)) return one.out.path === path ? hash?.value : null;
    const tree = await this.#knownTree(one);
    if (one.out.path === path) return null;
    return tree.get(posixRelative(one.out.path, path))?.md5 ?? null;
  }

  async #readObject(one: StageOutput, oid: string): Promise<Uint8Array | undefined> {
    const hash = recordedHash(one);
    if (hash === undefined) return undefined;
    const cache = cacheFor(this.#repo, hash);
    return readIfThere(cache.pathOf(oid)) ?? (await this.#bring(one, cache, oid));
  }

  /** Fetches one object from the output's remote. */
  async #bring(one: StageOutput, cache: ObjectDb, oid: string): Promise<Uint8Array | undefined> {
    const { fetchFilesOf } = await import("./fetchObjects.ts");
    const { signal } = this.#options;
    await fetchFilesOf(this.#repo, one, new Set([oid]), signal === undefined ? {} : { signal });
    return readIfThere(cache.pathOf(oid));
  }

  #isFolderRecord(one: StageOutput): boolean {
    const hash = recordedHash(one);
    return hash === undefined ? one.out.meta.nfiles !== undefined : isDirHash(hash.value);
  }

  async #knownTree(one: StageOutput): Promise<Tree> {
    const tree = await this.#tree(one);
    if (tree === undefined) throw new FolderError(posixRelative(this.#repo.root, one.out.path), undefined);
    return tree;
  }

  #tree(one: StageOutput): Promise<Tree | undefined> {
    let tree = this.#trees.get(one);
    if (tree === undefined) {
      tree = this.#isFolderRecord(one) ? this.#readTree(one) : Promise.resolve(undefined);
      this.#trees.set(one, tree);
    }
    return tree;
  }

  async #readTree(one: StageOutput): Promise<Tree | undefined> {
    const { readManifest } = await import("./manifests.ts");
    try {
      return await readManifest(this.#repo, one, this.#options);
    } catch (error) {
      if (this.#options.signal?.aborted === true) throw error;
      throw new FolderError(posixRelative(this.#repo.root, one.out.path), error);
    }
  }

  /** What can't be read is told when a file of it is asked for. */
  async #treeIfThere(one: StageOutput): Promise<Tree | undefined> {
    try {
      return await this.#tree(one);
    } catch (error) {
      if (error instanceof FolderError) return undefined;
      throw error;
    }
  }

  #plainBelow(folder: OsPath): OsPath[] {
    const { source, ignore, rev } = this.#index;
    if (!source.exists(folder)) return [];
    const tree = rev === undefined ? undefined : this.#repo.git?.tree(rev);
    const found: OsPath[] = [];
    const waiting = [folder];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const { name, isDir } of tree === undefined ? childrenOnDisk(at) : tree.children(at)) {
        const path = join(at, name);
        if (name === ".dvc" || name === ".git") continue;
        if (isDir) {
          if (!ignore.dir(path)) waiting.push(path);
        } else if (!ignore.file(path)) found.push(path);
      }
    }
    return found;
  }

  #tracked(): ReadonlyMap<OsPath, StageOutput> {
    if (this.#outs !== undefined) return this.#outs;
    const outs = new Map<OsPath, StageOutput>();
    for (const one of this.#index.outs) if (one.out.useCache && one.out.isLocal) outs.set(one.out.path, one);
    this.#outs = outs;
    return outs;
  }

  /** The output that is `path` or holds it. A broken stage file means that nothing is known to be tracked. */
  #output(path: OsPath): StageOutput | undefined {
    const outs = this.#trackedIfReadable();
    for (let at = path; isStrictlyInside(this.#repo.root, at); at = dirname(at)) {
      const one = outs.get(at);
      if (one !== undefined) return one;
    }
    return undefined;
  }

  #outputsBelow(folder: OsPath): StageOutput[] {
    return [...this.#trackedIfReadable().values()].filter(
      ({ out }) => out.path === folder || isStrictlyInside(folder, out.path),
    );
  }

  #trackedIfReadable(): ReadonlyMap<OsPath, StageOutput> {
    try {
      return this.#tracked();
    } catch (error) {
      if (error instanceof DvcError && error.code !== "aborted") return new Map();
      throw error;
    }
  }
}

/** How DVC's errors name a file of its combined view: as if the project's root were that of the file system. */
export function shownInView(repo: Repo, path: OsPath): string {
  return relative(repo.env.cwd, `/${posixRelative(repo.root, path)}`);
}

/** Links to folders are left out: they may lead round in a circle. */
function childrenOnDisk(folder: OsPath): { name: string; isDir: boolean }[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(
      (entry) => !entry.isSymbolicLink() || statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isFile(),
    )
    .map((entry) => ({ name: entry.name, isDir: entry.isDirectory() }));
}

function readIfThere(path: OsPath): Uint8Array | undefined {
  try {
    return ofFile(path, () => readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
