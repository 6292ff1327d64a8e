import {
  closeSync,
  fsyncSync,
  futimesSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { ScmError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { type OsPath, posixRelative } from "../base/paths.ts";
import { leftoversOf, removeLeftovers, removeQuietly, temporaryPath, writeAll, writeFileAtomic } from "../fs/atomic.ts";
import type { Git } from "../scm/git.ts";
import { isThere } from "../fs/isThere.ts";

/** How long to wait for somebody else's lock of Git's index, ms. */
const LOCK_WAIT_MS = 5000;
const LOCK_PAUSE_MS = 50;

/**
 * A commit and a tag that can be taken back. The commit is made from a copy of Git's index, which takes the index's place
 * only when the commit is there: whatever refuses the commit has changed nothing.
 */
export class GitTransaction {
  readonly #git: Git;
  readonly #head: string | undefined;
  readonly #index: OsPath;
  readonly #copy: OsPath;
  /** What the index was, once it is replaced; `index` undefined: there was none. */
  #before: { readonly index: IndexFile | undefined } | undefined;
  #commit: string | undefined;
  #tag: { readonly name: string; readonly object: string } | undefined;

  constructor(git: Git) {
    this.#git = git;
    this.#head = git.head();
    this.#index = join(git.gitDir, "index");
    this.#copy = temporaryPath(this.#index);
  }

  /** Commits what Git tracks and `files` as they are in the workspace. @returns undefined when HEAD has it all already */
  async commit(files: readonly OsPath[], message: string, options: CallOptions): Promise<string | undefined> {
    clearKilled(this.#index);
    const index = readIndex(this.#index);
    if (index !== undefined) writeIndex(this.#copy, index);
    const env = { GIT_INDEX_FILE: this.#copy };
    const call = { env, ...signalOf(options) };
    try {
      await this.#git.runBeside(["add", "--update", ...this.#outside, "--", ":/"], call);
      await this.#add(files, call);
      if (await this.#isHead(env)) {
        // What was killed before it had put the index in its place ends here.
        if (this.#head !== undefined) await this.#putIndex();
        return undefined;
      }
      try {
        await this.#git.runBeside(["commit", "--quiet", "--file=-"], { ...call, input: message });
      } finally {
        // Stopped while a hook ran after it, Git has made the commit all the same.
        this.#commit = this.#madeCommit(env);
      }
      if (this.#commit === undefined) throw new ScmError("git commit made no commit");
      await this.#putIndex();
      return this.#commit;
    } finally {
      removeQuietly(this.#copy);
      removeQuietly(`${this.#copy}.lock`);
    }
  }

  /** Files that are there belong to the commit, whatever a sparse checkout leaves out. */
  get #outside(): readonly string[] {
    return this.#git.config("core.sparseCheckout") === "true" ? ["--sparse"] : [];
  }

  async #add(
    files: readonly OsPath[],
    call: { readonly env: Readonly<Record<string, string>>; readonly signal?: AbortSignal },
  ): Promise<void> {
    const git = this.#git;
    const modules = git.submodules();
    const there = files.filter((path) => isThere(path) && !modules.some((module) => path.startsWith(`${module}/`)));
    const ignored = git.isIgnored(there);
    const rels = there.filter((path) => !ignored.has(path)).map((path) => posixRelative(git.root, path));
    if (rels.length === 0) return;
    const args = ["--literal-pathspecs", "add", ...this.#outside, "--pathspec-from-file=-", "--pathspec-file-nul"];
    await git.runBeside(args, { ...call, input: `${rels.join("\0")}\0` });
  }

  async #isHead(env: Readonly<Record<string, string>>): Promise<boolean> {
    if (this.#head === undefined) return this.#git.run(["ls-files", "-z"], { env }).stdout.length === 0;
    const { code } = await this.#git.runBeside(["diff", "--cached", "--quiet", "HEAD", "--"], { env, allow: [0, 1] });
    return code === 0;
  }

  /** HEAD, when it is a commit of what the copy holds, made upon what HEAD was. */
  #madeCommit(env: Readonly<Record<string, string>>): string | undefined {
    const head = this.#git.head();
    if (head === undefined || head === this.#head) return undefined;
    const asked = ["log", "-1", "--no-show-signature", "--format=%T %P", head, "--"];
    const [tree, ...parents] = textOf(this.#git.run(asked, {})).split(" ");
    const isUpon = parents.filter((one) => one !== "").join() === (this.#head ?? "");
    return isUpon && tree === textOf(this.#git.run(["write-tree"], { env })) ? head : undefined;
  }

  /** Puts the copy in the place of the index, by Git's own rule: whoever makes `index.lock` may. */
  async #putIndex(): Promise<void> {
    const copy = readIndex(this.#copy);
    if (copy === undefined) return;
    const lock = `${this.#index}.lock`;
    const ours = temporaryPath(this.#index);
    try {
      writeIndex(ours, copy);
      await takeLock(lock, ours);
      try {
        this.#before = { index: readIndex(this.#index) };
        renameSync(lock, this.#index);
      } catch (error) {
        rmSync(lock, { force: true });
        throw error;
      }
    } finally {
      removeQuietly(ours);
    }
  }

  /** Makes an annotated tag of HEAD. */
  async tag(name: string, message: string, options: CallOptions): Promise<void> {
    // Lines that begin with "#" are part of a message that nobody edits.
    const words = ["tag", "--annotate", "--cleanup=whitespace", "--file=-", name];
    try {
      await this.#git.runBeside(words, { input: message, ...signalOf(options) });
    } catch (error) {
      // Refused, it made none. Stopped, it may have.
      if (!(error instanceof ScmError)) this.#noteTag(name);
      throw error;
    }
    this.#noteTag(name);
  }

  #noteTag(name: string): void {
    const object = this.#git.ref(`refs/tags/${name}`);
    if (object !== undefined) this.#tag = { name, object };
  }

  /** Takes commit and tag back, as far as nobody else has built upon them, and the index. */
  undo(): void {
    const git = this.#git;
    if (this.#tag !== undefined) git.run(["update-ref", "-d", `refs/tags/${this.#tag.name}`, this.#tag.object], {});
    if (this.#commit === undefined) return;
    if (git.head() !== this.#commit) throw new ScmError("HEAD has moved meanwhile");
    const reason = ["-m", "snapshot save: taken back"];
    if (this.#head !== undefined) git.run(["update-ref", ...reason, "HEAD", this.#head, this.#commit], {});
    else git.run(["update-ref", ...reason, "-d", "HEAD", this.#commit], {});
    if (this.#before === undefined) return; // it was never replaced
    const { index } = this.#before;
    if (index === undefined) rmSync(this.#index, { force: true });
    else {
      writeIndex(this.#copy, index);
      renameSync(this.#copy, this.#index);
    }
  }
}

/**
 * An index of Git. Its time says up to when its records can be believed: of files changed later, or in the same moment, Git
 * looks at the contents. A copy that looked newer would hide changes (gitformat-index, "racy Git").
 */
interface IndexFile {
  readonly bytes: Buffer;
  /** Last change, seconds since 1970. */
  readonly mtime: number;
}

function readIndex(path: OsPath): IndexFile | undefined {
  // The time first: of an index that is replaced in between, the older one is on the safe side.
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : { bytes: readFileSync(path), mtime: Math.floor(stat.mtimeMs / 1000) };
}

/** Fills a file, and flushes it: after a power loss an empty index would stop Git. */
function writeIndex(path: OsPath, { bytes, mtime }: IndexFile): void {
  const file = openSync(path, "w");
  try {
    writeAll(file, bytes);
    futimesSync(file, mtime, mtime);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Removes what killed runs left; the lock too, when it is another name of what one of them wrote. */
function clearKilled(index: OsPath): void {
  const inodeOf = (path: OsPath): bigint | undefined => lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
  const lock = inodeOf(`${index}.lock`);
  const isTheirs = lock !== undefined && leftoversOf(index).some((path) => inodeOf(path) === lock);
  if (isTheirs) rmSync(`${index}.lock`, { force: true });
  removeLeftovers(index);
}

/**
 * Makes the lock, which is the new index at once, by another name for `ours`: should this process be killed, the next one sees
 * whose lock it was.
 */
async function takeLock(path: OsPath, ours: OsPath): Promise<void> {
  const end = systemClock.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      giveName(ours, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (systemClock.now() > end)
        throw new ScmError(`Git's index is locked by another process: '${path}'`, {
          hint: "If no Git is running, remove that file and try again.",
        });
      await systemClock.sleep(LOCK_PAUSE_MS);
    }
  }
}

function giveName(ours: OsPath, path: OsPath): void {
  try {
    linkSync(ours, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error;
    // A file system without hard links.
    closeSync(openSync(path, "wx"));
    renameSync(ours, path);
  }
}

function textOf({ stdout }: { readonly stdout: Buffer }): string {
  return stdout.toString("latin1").trim();
}

function signalOf({ signal }: CallOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

/** Contents of files before they are changed, to put them back. */
export class KeptFiles {
  readonly #kept = new Map<OsPath, Buffer | undefined>();

  /** Remembers the files as they are now. */
  constructor(paths: Iterable<OsPath>) {
    for (const path of paths) this.#kept.set(path, isThere(path) ? readFileSync(path) : undefined);
  }

  /** Puts back what differs. */
  restore(): void {
    for (const [path, bytes] of this.#kept) {
      const now = isThere(path) ? readFileSync(path) : undefined;
      if (bytes === undefined) rmSync(path, { force: true });
      else if (now?.equals(bytes) !== true) writeFileAtomic(path, bytes);
    }
  }
}
