import { isUtf8 } from "node:buffer";
import { join, relative, sep } from "node:path";
import { EncodingError, FormatError, ScmError, UnsafePathError } from "../base/errors.ts";
import type { OsPath, RelPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { filesOfCommit, type GitEntry } from "./gitHistory.ts";
import type { GitObjects } from "./gitObjects.ts";
import { type GitCall, runGit, TooMuchOutput } from "./gitProcess.ts";

/** One child of a folder. */
export interface GitChild {
  readonly name: string;
  readonly isDir: boolean;
}

/** Blobs of these files are read together with the listing: they are what loading a project asks for. */
const WANTED = /(^|\/)(dvc\.yaml|dvc\.lock|params\.yaml|\.dvcignore|[^/]*\.dvc|\.dvc\/config)$/;
/** Git makes no such paths and checks none out, but its objects can be made by hand. */
const UNSAFE = /(^|\/)(\.{0,2}|\.git)(\/|$)/i;
/** More blobs than this are read by one child of Git, which is faster from there on. */
const MAX_OWN_BLOBS = 100;
/** A listing larger than this (bytes) is refused: it needs twice as much memory, and is that of a million files. */
const MAX_LISTING = 96 << 20;
/** A text larger than this (bytes) is not read. */
const MAX_TEXT = 64 * 1024 * 1024;

/**
 * The files of one commit, read from its objects where they are at hand, else through two children of Git for the whole of it. Takes absolute paths below `root`, as if
 * the commit were checked out there, so that it can stand where the workspace stands.
 */
export class GitTree {
  /** Hex id of the commit. */
  readonly commit: string;
  readonly root: OsPath;
  readonly #environment: Environment;
  readonly #gitDir: OsPath;
  readonly #untrusted: boolean;
  readonly #objects: GitObjects;
  readonly #entries: ReadonlyMap<RelPath, GitEntry>;
  readonly #blobs = new Map<string, Buffer>();
  readonly #expected = new Set<string>();
  /** Blobs that are too large for a text. */
  readonly #large = new Set<string>();
  #children: Map<RelPath, GitChild[]> | undefined;
  #isPrefetched = false;
  #sizes: Map<string, number> | undefined;
  readonly #isPartial: boolean;
  /** Files whose sizes are asked for next, in a partial clone. */
  readonly #listed = new Set<string>();

  /** `commit` must be an object id. `root` is where the paths count from; `gitDir` where the objects are. */
  constructor(
    environment: Environment,
    at: { root: OsPath; gitDir: OsPath; objects: GitObjects; untrusted?: boolean; isPartial?: boolean },
    commit: string,
  ) {
    this.#environment = environment;
    this.#gitDir = at.gitDir;
    this.#untrusted = at.untrusted === true;
    this.#isPartial = at.isPartial === true;
    this.#objects = at.objects;
    this.root = at.root;
    this.commit = commit;
    this.#entries = this.#list();
    for (const path of this.#entries.keys()) if (UNSAFE.test(path)) throw unsafe(commit, path);
  }

  /** Paths of all files from the root of the repository, in Git's order. */
  files(): IterableIterator<RelPath> {
    return this.#entries.keys();
  }

  /** The entry of a file, by its path from the root of the repository. */
  entry(path: RelPath): GitEntry | undefined {
    return this.#entries.get(path);
  }

  /** Says which files will be asked for: they are read together with the next one. Absent ones don't matter. */
  expect(paths: Iterable<OsPath>): void {
    for (const path of paths) {
      const rel = this.#rel(path);
      const entry = rel === undefined ? undefined : this.#entries.get(rel);
      if (entry?.mode.startsWith("100") === true && !this.#blobs.has(entry.sha)) this.#expected.add(entry.sha);
    }
  }

  /** Text of a regular file; undefined for anything else. @throws {FormatError} for one that is too large, {EncodingError} */
  readText(path: OsPath): string | undefined {
    const entry = this.#resolved(this.#rel(path), 0);
    if (entry === undefined) return undefined;
    const bytes = this.#bounded(entry, path, MAX_TEXT);
    if (bytes !== undefined && !isUtf8(bytes)) throw new EncodingError(path);
    return bytes?.toString("utf8");
  }

  /**
   * Bytes of a regular file; undefined for anything else. A link inside the commit is followed.
   * @param most of a larger one (bytes) nothing is read
   * @throws {FormatError} for such
   */
  readBytes(path: OsPath, most: number = Infinity): Buffer | undefined {
    const entry = this.#resolved(this.#rel(path), 0);
    return entry === undefined ? undefined : this.#bounded(entry, path, most);
  }

  #bounded({ sha }: GitEntry, path: OsPath, most: number): Buffer | undefined {
    if (!this.#isPrefetched) this.#prefetch();
    if (!this.#blobs.has(sha)) this.#readBlobs([sha], most);
    const bytes = this.#blobs.get(sha);
    if (bytes === undefined && !this.#large.has(sha)) return undefined;
    if (bytes === undefined || bytes.byteLength > most)
      throw new FormatError(`'${path}' is too large to read in commit ${this.commit.slice(0, 7)}`, { file: path });
    return bytes;
  }

  /** Where a symbolic link of the commit leads, by the id in its entry. */
  blobText(sha: string): string | undefined {
    return this.#blob(sha)?.toString("utf8");
  }

  /** Bytes of a regular file, without reading it; undefined for anything else. */
  size(path: OsPath): number | undefined {
    const entry = this.#resolved(this.#rel(path), 0);
    if (entry === undefined) return undefined;
    if (this.#isPartial && this.#sizes?.has(entry.sha) !== true) {
      const wanted = [...new Set([entry.sha, ...this.#listed])];
      this.#listed.clear();
      this.#bring(wanted);
      this.#readSizes(wanted);
    } else if (this.#sizes === undefined) {
      this.#readSizes([...new Set([...this.#entries.values()].map(({ sha }) => sha))]);
    }
    return this.#sizes?.get(entry.sha);
  }

  #readSizes(shas: readonly string[]): void {
    this.#sizes ??= new Map();
    for (const [sha, size] of this.#sizesOf(shas)) this.#sizes.set(sha, size);
  }

  #sizesOf(shas: Iterable<string>): Map<string, number> {
    const answer = this.#git(["cat-file", "--batch-check"], { input: `${[...shas].join("\n")}\n` }).toString("latin1");
    const sizes = new Map<string, number>();
    for (const line of answer.split("\n")) {
      const [sha = "", type, size] = line.split(" ");
      if (type === "blob") sizes.set(sha, Number(size));
    }
    return sizes;
  }

  /** In a partial clone: has what is missing fetched at once. What can't be had is left to the one who reads it. */
  #bring(shas: Iterable<string>): void {
    if (!this.#isPartial) return;
    const missing = this.#objects.reading((objects) => objects.missing(shas));
    if (missing.length === 0) return;
    const args = ["-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "origin", "--no-tags", "--stdin"];
    const call = { cwd: this.#gitDir, env: { GIT_DIR: this.#gitDir }, untrusted: this.#untrusted };
    const rest = ["--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none", "--no-auto-maintenance"];
    runGit(this.#environment, [...args, ...rest], {
      ...call,
      input: `${missing.join("\n")}\n`,
      allow: [0, 1, 128, 129],
    });
  }

  /** Whether a file or a folder is there. */
  exists(path: OsPath): boolean {
    const rel = this.#rel(path);
    return rel !== undefined && (this.#entries.has(rel) || this.isFolder(path));
  }

  isFile(path: OsPath): boolean {
    return this.#resolved(this.#rel(path), 0) !== undefined;
  }

  isFolder(path: OsPath): boolean {
    const rel = this.#rel(path);
    return rel !== undefined && this.#folders().has(rel);
  }

  /** Children of a folder, by name; empty when it is not there. Submodules count as folders. */
  children(path: OsPath): readonly GitChild[] {
    const rel = this.#rel(path);
    const found = rel === undefined ? [] : (this.#folders().get(rel) ?? []);
    if (this.#isPartial && rel !== undefined) this.#expectSizes(rel, found);
    return found;
  }

  /** Who lists a folder asks for the sizes of its files next. */
  #expectSizes(folder: RelPath, children: readonly GitChild[]): void {
    this.#listed.clear();
    for (const { name, isDir } of children) {
      const entry = isDir ? undefined : this.#entries.get(folder === "" ? name : `${folder}/${name}`);
      if (entry?.mode.startsWith("100") === true) this.#listed.add(entry.sha);
    }
  }

  #rel(path: OsPath): RelPath | undefined {
    const rel = relative(this.root, path);
    if (rel === "..") return undefined;
    const posix = sep === "/" ? rel : rel.split(sep).join("/");
    return posix.startsWith("../") || posix.startsWith("/") ? undefined : posix;
  }

  #resolved(rel: RelPath | undefined, depth: number): GitEntry | undefined {
    const entry = rel === undefined ? undefined : this.#entries.get(rel);
    if (rel === undefined || entry === undefined || entry.mode === "160000") return undefined;
    if (entry.mode !== "120000") return entry;
    if (depth > 8) return undefined;
    const target = this.#blob(entry.sha)?.toString("utf8") ?? "";
    return target.startsWith("/")
      ? undefined
      : this.#resolved(this.#rel(join(this.root, rel, "..", target)), depth + 1);
  }

  #git(args: readonly string[], more: Pick<GitCall, "input" | "maxOutput"> = {}): Buffer {
    const call = { cwd: this.#gitDir, env: { GIT_DIR: this.#gitDir }, untrusted: this.#untrusted };
    return runGit(this.#environment, args, { ...call, ...more }).stdout;
  }

  #list(): Map<RelPath, GitEntry> {
    const own = this.#objects.reading((objects) => filesOfCommit(objects, this.commit));
    if (own !== undefined) return own;
    const entries = new Map<RelPath, GitEntry>();
    for (const line of this.#listing().toString("utf8").split("\0")) {
      const tab = line.indexOf("\t");
      if (tab < 0) continue;
      const [mode = "", , sha = ""] = line.slice(0, tab).split(" ");
      entries.set(line.slice(tab + 1), { mode, sha });
    }
    return entries;
  }

  /** A few trees that hold each other many times make a commit of billions of files. */
  #listing(): Buffer {
    try {
      return this.#git(["ls-tree", "-r", "-z", "--full-tree", this.commit], { maxOutput: MAX_LISTING });
    } catch (error) {
      if (!(error instanceof TooMuchOutput)) throw error;
      throw new ScmError(`commit ${this.commit.slice(0, 7)} holds more files than can be looked at`, {
        hint: "Holdfast looks at commits of about a million files in Git. Leave that commit or branch out, or delete it if it is not yours.",
      });
    }
  }

  #folders(): Map<RelPath, GitChild[]> {
    if (this.#children !== undefined) return this.#children;
    const children = new Map<RelPath, GitChild[]>([["", []]]);
    const add = (path: RelPath, isDir: boolean): void => {
      const cut = path.lastIndexOf("/");
      const parent = cut < 0 ? "" : path.slice(0, cut);
      if (!children.has(parent)) {
        children.set(parent, []);
        add(parent, true);
      }
      children.get(parent)?.push({ name: path.slice(cut + 1), isDir });
    };
    for (const [path, { mode }] of this.#entries) add(path, mode === "160000");
    this.#children = children;
    return children;
  }

  #prefetch(): void {
    this.#isPrefetched = true;
    const wanted = new Set<string>();
    for (const [path, { mode, sha }] of this.#entries) if (mode.startsWith("100") && WANTED.test(path)) wanted.add(sha);
    if (wanted.size > 0) this.#readBlobs([...wanted], MAX_TEXT);
  }

  #blob(sha: string): Buffer | undefined {
    if (!this.#blobs.has(sha)) this.#readBlobs([sha]);
    return this.#blobs.get(sha);
  }

  /** `most`: larger ones (bytes) are only noted. */
  #readBlobs(shas: readonly string[], most = Infinity): void {
    const wanted = new Set([...shas, ...this.#expected]);
    this.#expected.clear();
    if (most < Infinity) for (const sha of this.#large) wanted.delete(sha);
    this.#bring(wanted);
    if (wanted.size <= MAX_OWN_BLOBS) this.#readOwn(wanted);
    if (most < Infinity) this.#leaveOutLarge(wanted, most);
    if (wanted.size === 0) return;
    const out = this.#git(["cat-file", "--batch"], { input: `${[...wanted].join("\n")}\n` });
    for (let at = 0; at < out.length;) {
      const end = out.indexOf(10, at);
      if (end < 0) return;
      const [sha = "", type, size] = out.toString("latin1", at, end).split(" ");
      at = end + 1;
      if (type !== "blob" && type !== "tree" && type !== "commit" && type !== "tag") continue;
      const stop = at + Number(size);
      if (type === "blob") this.#blobs.set(sha, out.subarray(at, stop));
      at = stop + 1;
    }
  }

  #leaveOutLarge(wanted: Set<string>, most: number): void {
    if (wanted.size === 0) return;
    for (const [sha, size] of this.#sizesOf(wanted)) {
      if (size <= most) continue;
      this.#large.add(sha);
      wanted.delete(sha);
    }
  }

  /** Takes away from `wanted` what could be read. */
  #readOwn(wanted: Set<string>): void {
    this.#objects.reading((objects) => {
      for (const sha of wanted) {
        const object = objects.read(sha);
        if (object === undefined) continue;
        if (object.type === "blob") this.#blobs.set(sha, object.data);
        wanted.delete(sha);
      }
    });
  }
}

function unsafe(commit: string, path: RelPath): UnsafePathError {
  return new UnsafePathError(`commit ${commit.slice(0, 7)} holds the unsafe path ${JSON.stringify(path)}`, {
    hint: "Nothing of it was used. That repository was tampered with; tell its owner.",
  });
}
