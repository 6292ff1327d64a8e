import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ScmError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import {
  hasPassword,
  isPlainStore,
  isUsable,
  makePlainStore,
  makeStore,
  storeFolder,
  withStoreLock,
} from "./cloneStore.ts";
import { isLocal, refuseHelpers, sourceOf, withOwnSsh } from "./cloneSource.ts";
import { Git } from "./git.ts";
import { type GitAnswer, type GitCall, runGit } from "./gitProcess.ts";
import { listRefs, readRef } from "./gitRefs.ts";
import { makeFolders } from "../fs/makeFolders.ts";

const SHA = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
/** Files that opening a project reads from disk, not from the commit. */
const CONFIGS = /(^|\/)(\.dvcignore|\.dvc\/(?!cache\/|tmp\/).+)$/;
const MAX_CONFIGS = 10_000;
/** Every branch and tag of the source, as a clone has them. */
const ALL_REFS = ["+refs/heads/*:refs/heads/*", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];

/** A repository that could not be copied; the reason is its cause. */
export class CloneError extends ScmError {
  constructor(cause: unknown) {
    super("SCM error", { cause });
    this.name = "CloneError"; // asked for by name; the bundle shortens the names of classes
  }
}

/** One commit of another repository. */
export interface ClonedCommit {
  readonly git: Git;
  readonly commit: string;
}

/** What of the other repository is wanted. */
export interface CloneOptions {
  /** Any revision; default: its HEAD. */
  readonly rev?: string;
  /** Bring all branches and tags, with their history. */
  readonly all?: boolean;
}

/**
 * Opens a commit of another repository from a copy that is kept for the next time, brought up to date as far as `rev` needs
 * it. The copy lacks the contents of files; they come when they are read. `to` becomes a working tree with only the files
 * that configure projects. Nothing is run that the other repository names.
 * @throws {CloneError} when it cannot be copied, {ScmError} `unknown Git revision 'x'`.
 */
export function cloneCommit(user: Environment, url: string, to: OsPath, options: CloneOptions = {}): ClonedCommit {
  refuseHelpers(url);
  const source = sourceOf(user, url);
  const environment = withOwnSsh(user, source);
  makeFolders(to);
  const kept = storeFolder(environment, source);
  const store = hasPassword(source) || !isUsable(dirname(kept)) ? join(to, "..", "copy.git") : kept;
  const layout = { root: to, gitDir: store, commonDir: store };
  const run = (args: readonly string[], call: Partial<GitCall> = {}): GitAnswer =>
    runGit(environment, args, { cwd: store, env: { GIT_DIR: store }, untrusted: true, ...call });
  const copy = new Copy(new Git(layout, environment, { untrusted: true, isPartial: true }), source, run);
  const commit = withStoreLock(store, () => {
    try {
      makeStore(store, source, (folder) => {
        const args = ["init", "--quiet", "--bare", "--template=", folder];
        runGit(environment, args, { cwd: environment.cwd, untrusted: true });
      });
      return copy.commit(options);
    } catch (error) {
      if (error instanceof UnknownRevision) throw new ScmError(error.message);
      throw cloneFailure(error, url, to);
    }
  });
  // Not the one above: what that has looked up is from before the fetch.
  const git = new Git(layout, environment, { untrusted: true, isPartial: true });
  writeFileSync(join(to, ".git"), `gitdir: ${store}\n`);
  writeConfigs(git, commit);
  return { git, commit };
}

/** DVC's text for a repository that can't be had. */
export function cloneFailure(error: unknown, url: string, to: string): CloneError {
  return new CloneError(new ScmError(`Failed to clone repo '${url}' to '${to}'`, { cause: plainReason(error, url) }));
}

class UnknownRevision extends Error {
  constructor(rev: string) {
    super(`unknown Git revision '${rev}'`);
  }
}

class Copy {
  readonly #git: Git;
  readonly #source: string;
  readonly #run: (args: readonly string[], call?: Partial<GitCall>) => GitAnswer;

  constructor(git: Git, source: string, run: (args: readonly string[], call?: Partial<GitCall>) => GitAnswer) {
    this.#git = git;
    this.#source = source;
    this.#run = run;
  }

  /** The commit of a revision, which the copy has afterwards. */
  commit({ rev, all }: CloneOptions): string {
    if (rev !== undefined && (rev === "" || rev.startsWith("-") || /[\0\s]/.test(rev))) throw new UnknownRevision(rev);
    this.#learnKind();
    if (all === true) this.#fetchAll();
    if (rev !== undefined && SHA.test(rev)) return this.#bring(rev) ?? unknown(rev);
    const there = this.#remoteRev(rev ?? "HEAD");
    if (there !== undefined) return this.#bring(there) ?? unknown(rev ?? "HEAD");
    if (rev === undefined) return unknown("HEAD");
    if (/^[0-9a-f]{7,39}$/.test(rev)) {
      const known = this.#peel(rev);
      if (known !== undefined) return known;
    }
    if (all !== true) this.#fetchAll();
    try {
      return this.#git.resolveRev(rev);
    } catch (error) {
      if (error instanceof ScmError && error.message.startsWith("ambiguous")) throw new UnknownRevision(rev);
      return unknown(rev);
    }
  }

  /** What a plain name is in the source now. As in a clone, a tag comes before a branch of the same name. */
  #remoteRev(rev: string): string | undefined {
    if (/[~^:@*?[\\{]/.test(rev)) return undefined;
    const branch = rev.startsWith("origin/") ? [`refs/heads/${rev.slice("origin/".length)}`] : [];
    const names =
      rev === "HEAD" || rev.startsWith("refs/")
        ? [rev]
        : [`refs/tags/${rev}^{}`, `refs/tags/${rev}`, `refs/heads/${rev}`, ...branch];
    const found = new Map<string, string>();
    for (const line of this.#run(["ls-remote", "--quiet", "origin", ...names])
      .stdout.toString("utf8")
      .split("\n")) {
      const [sha, name] = line.split("\t");
      if (sha !== undefined && name !== undefined && SHA.test(sha)) found.set(name, sha);
    }
    return names.map((name) => found.get(name)).find((sha) => sha !== undefined);
  }

  /** Makes sure that a commit and its trees are here. A ref keeps them. */
  #bring(sha: string): string | undefined {
    const ref = `refs/kept/${sha}`;
    if (this.#isWhole && this.#peel(sha) === sha) return sha;
    if (readRef(this.#git.layout, ref) === undefined) {
      const filter = isPlainStore(this.#git.gitDir) ? [] : ["--filter=blob:none"];
      const one = ["fetch", "--quiet", "--no-tags", ...filter, ...(this.#isWhole ? [] : ["--depth=1"])];
      // Servers may refuse to hand out a commit that no branch or tag points to.
      if (this.#run([...one, "origin", `${sha}:${ref}`], { allow: [0, 1, 128] }).code !== 0) {
        this.#fetchAll();
        if (this.#peel(sha) === undefined) return undefined;
        this.#run(["update-ref", ref, sha]);
      }
    }
    return this.#peel(sha);
  }

  #peel(rev: string): string | undefined {
    const { code, stdout } = this.#run(["rev-parse", "--verify", "--quiet", "--end-of-options", `${rev}^{commit}`], {
      allow: [0, 1, 128],
    });
    return code === 0 ? stdout.toString("latin1").trim() : undefined;
  }

  get #isWhole(): boolean {
    return existsSync(join(this.#git.gitDir, WHOLE));
  }

  /**
   * Before the first fetch of all: only a server that speaks Git's second protocol hands out single files. One that speaks the
   * first (over SSH many do), or serves plain files over HTTP, is copied with all contents of a commit.
   */
  #learnKind(): void {
    const { gitDir, layout } = this.#git;
    if (isLocal(this.#source) || isPlainStore(gitDir) || this.#isWhole) return;
    if (listRefs(layout, "refs/kept/").size > 0) return;
    const { stderr } = this.#run(["ls-remote", "--quiet", "origin", "HEAD"], {
      env: { GIT_DIR: this.#git.gitDir, GIT_TRACE_PACKET: "1" },
    });
    if (!/packet:.*< version 2\b/.test(stderr)) makePlainStore(gitDir, this.#source);
  }

  #fetchAll(): void {
    const deepen = existsSync(join(this.#git.gitDir, "shallow")) ? ["--unshallow"] : [];
    const args = [
      "fetch",
      "--quiet",
      "--prune",
      "--force",
      "--no-tags",
      "--update-head-ok",
      ...deepen,
      "origin",
      ...ALL_REFS,
    ];
    this.#run(args);
    const head = this.#remoteRev("HEAD");
    if (head !== undefined) this.#run(["update-ref", "--no-deref", "HEAD", head]);
    writeFileSync(join(this.#git.gitDir, WHOLE), "");
  }
}

/** Marks a copy that has had all history: fetching a single commit must not cut it off. */
const WHOLE = "holdfast-whole";

function unknown(rev: string): never {
  throw new UnknownRevision(rev);
}

/** Writes the files that configure projects. Links and odd paths are left out. */
function writeConfigs(git: Git, commit: string): void {
  const tree = git.tree(commit);
  const wanted = [...tree.files()].filter((path) => CONFIGS.test(path)).slice(0, MAX_CONFIGS);
  tree.expect(wanted.map((path) => join(git.root, path)));
  for (const path of wanted) {
    if (tree.entry(path)?.mode.startsWith("100") !== true) continue;
    if (path.split("/").some((part) => /^(|\.\.?|\.git)$|[\\\0]/i.test(part))) continue;
    const target = join(git.root, path);
    const bytes = tree.readBytes(target);
    if (bytes === undefined) continue;
    makeFolders(dirname(target));
    writeFileSync(target, bytes, { flag: "wx" });
  }
}

function plainReason(error: unknown, url: string): unknown {
  if (error instanceof ScmError && /does not (exist|appear to be a git repository)|not found/.test(error.message)) {
    return new ScmError(`No git repository was found at ${url}`);
  }
  return error;
}
