import { dirname, join, posix } from "node:path";
import { DvcError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import { type OsPath, posixRelative, type RelPath } from "../base/paths.ts";
import { type HashInfo, isDirHash } from "../hash/hashInfo.ts";
import type { Tree } from "../odb/tree.ts";
import { isRepoImport } from "../pipeline/stage.ts";
import type { Git } from "../scm/git.ts";
import { experimentRefs, otherWorktrees, sparsePaths, stagedTexts, stashedCommits } from "../scm/gitRoots.ts";
import { cacheFor } from "./dataRoots.ts";
import { loadIndex } from "./index.ts";
import { manifestOf } from "./manifests.ts";
import { isPointerFile, type Pointer, PointerReader, pointersOf } from "./pointers.ts";
import { wasCollected, wasPurged } from "./purged.ts";
import { openRepoSync, type Repo } from "./repo.ts";
import { isSameCache, registeredProjects, reviewProject } from "./sharedCache.ts";
import type { UsedObjects } from "./usedObjects.ts";
import { isThere } from "../fs/isThere.ts";

/** How to collect. */
export interface KeptOptions extends CallOptions {
  /** Leave out, with a warning, what cannot be read; otherwise nothing is collected. */
  readonly skipFailed?: boolean;
  /** Nothing is written: entries of projects that are gone stay. */
  readonly dry?: boolean;
  /** Told of outputs that are to be kept apart from what is needed. */
  readonly apart?: KeptApart;
}

/** Takes some of the outputs that worktrees, stashes, experiments and the index of this repository name out of what is needed. */
export interface KeptApart {
  /** Whether an output is one of them; its path is from Git's top folder. */
  has(path: RelPath, oid: string): boolean;
  /** Hears of each, with its objects and where it was found. */
  found(where: string, oids: readonly string[]): void;
}

/**
 * What no revision names and yet somebody needs: other worktrees of the repository (their workspace, index and HEAD), stashes,
 * experiments, what is staged, and all of the other projects that share the cache. Adds it to `used`.
 * @throws {DvcError} that names the first of these that cannot be read.
 */
export async function collectKept(repo: Repo, used: UsedObjects, options: KeptOptions): Promise<void> {
  const collector = new KeptCollector(repo, used, options);
  const worktrees = repo.git === undefined ? [] : await collector.repository(repo, repo.git);
  await collectProjects(repo, collector, options, worktrees);
}

/** The same for the other projects that share the cache alone. @throws as {@link collectKept} */
export async function collectSharers(repo: Repo, used: UsedObjects, options: KeptOptions): Promise<void> {
  await collectProjects(repo, new KeptCollector(repo, used, options), options);
}

/** Those in `known` need nothing more than was collected for them. */
async function collectProjects(
  repo: Repo,
  collector: KeptCollector,
  options: KeptOptions,
  known: readonly OsPath[] = [],
): Promise<void> {
  for (const project of registeredProjects(repo)) {
    const { root, host, file, state } = project;
    if (options.dry !== true) reviewProject(project);
    if (state === "gone" || (state === "there" && known.includes(root))) continue;
    const name = `project '${root}'${state === "there" ? "" : ` of ${host}`}, which shares the cache`;
    const wayOut = `Nothing was removed. Mend it there ('commit', 'fetch'), or run this where it can be read; only if the project is no more, delete '${file}'.`;
    await collector.root(name, wayOut, async () => {
      if (state !== "there") throw new DvcError("its folder cannot be reached from here", { code: "io" });
      await collector.project(root);
    });
  }
}

class KeptCollector {
  readonly #repo: Repo;
  readonly #used: UsedObjects;
  readonly #options: KeptOptions;
  readonly #reader = new PointerReader();
  /** What is being read, and whether it belongs to this repository. */
  #where: { readonly name: string; readonly isOwn: boolean } = { name: "", isOwn: false };

  constructor(repo: Repo, used: UsedObjects, options: KeptOptions) {
    this.#repo = repo;
    this.#used = used;
    this.#options = options;
  }

  /**
   * What a repository keeps beside its branches, for one project in it: not the project's own workspace.
   * @returns the project's folders in the other worktrees
   */
  async repository(repo: Repo, git: Git): Promise<OsPath[]> {
    const roots: OsPath[] = [];
    const project = posixRelative(git.root, repo.root);
    const isOwn = repo === this.#repo;
    for (const { name, sha } of [...stashedCommits(git), ...experimentRefs(git)])
      await this.root(name, undefined, () => this.#commit(repo, git, sha, project), isOwn);
    await this.root("the Git index", undefined, () => this.#staged(repo, git, project), isOwn);
    await this.root("the sparse checkout", undefined, () => this.#sparse(repo, git, project), isOwn);
    for (const worktree of otherWorktrees(git, repo.env)) {
      const name = `worktree '${worktree.root}'`;
      const wayOut = `Nothing was removed. If that worktree is no more, run 'git worktree prune'.`;
      const root = project === "." ? worktree.root : join(worktree.root, project);
      roots.push(root);
      const collect = async (): Promise<void> => {
        // It may have a cache of its own.
        const there = isThere(join(root, ".dvc")) ? openRepoSync({ ...this.#repo.env, cwd: root }) : undefined;
        if (worktree.head !== undefined) await this.#commit(there ?? repo, git, worktree.head, project);
        if (!worktree.isThere) return;
        await this.#staged(there ?? repo, worktree.git, project);
        if (there !== undefined) await this.#workspace(there, worktree.root);
      };
      await this.root(name, wayOut, collect, isOwn);
    }
    return roots;
  }

  /** All that another project needs, in any of its commits. */
  async project(root: OsPath): Promise<void> {
    const repo = openRepoSync({ ...this.#repo.env, cwd: root });
    if (!isSameCache(repo, this.#repo)) return;
    await this.#workspace(repo, root);
    const { git } = repo;
    if (git === undefined) return;
    const project = posixRelative(git.root, repo.root);
    const { name, isOwn } = this.#where;
    const wayOut = `Nothing was removed. Fetch it there, or leave that commit out with '--skip-failed'.`;
    for (const sha of git.allCommits())
      await this.root(
        `commit ${sha.slice(0, 7)} of ${name}`,
        wayOut,
        () => this.#commit(repo, git, sha, project),
        isOwn,
      );
    await this.repository(repo, git);
  }

  /** Runs `collect` for one of them; a failure names it. */
  async root(
    name: string,
    wayOut: string | undefined,
    collect: () => Promise<void>,
    isOwn: boolean = false,
  ): Promise<void> {
    const before = this.#where;
    this.#where = { name, isOwn };
    try {
      await collect();
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      if (!(error instanceof Error) || error.message.startsWith("Failed to collect ")) throw error;
      if (this.#options.skipFailed === true) {
        warn(this.#options, `Failed to collect ${name}, skipping`);
        return;
      }
      throw new DvcError(`Failed to collect ${name}`, {
        code: error instanceof DvcError ? error.code : "io",
        cause: error,
        hint: wayOut ?? "Nothing was removed. Drop it if nobody needs it, or leave it out with '--skip-failed'.",
      });
    } finally {
      this.#where = before;
    }
  }

  async #commit(repo: Repo, git: Git, sha: string, project: RelPath): Promise<void> {
    for (const { file, pointer } of this.#reader.inCommit(git.tree(sha), project))
      await this.#need(repo, pointer, file, sha);
  }

  async #staged(repo: Repo, git: Git, project: RelPath): Promise<void> {
    const prefix = project === "." ? "" : `${project}/`;
    const texts = stagedTexts(git, (path) => path.startsWith(prefix) && isPointerFile(path));
    for (const [file, text] of texts)
      for (const pointer of pointersOf(file, text)) await this.#need(repo, pointer, file);
  }

  /** Pointer files that are checked out, but for the workspace: Git's index says so. Those that differ from HEAD are staged. */
  async #sparse(repo: Repo, git: Git, project: RelPath): Promise<void> {
    const [head, paths] = [git.head(), sparsePaths(git)];
    if (head === undefined || paths.size === 0) return;
    for (const { file, pointer } of this.#reader.inCommit(git.tree(head), project))
      if (paths.has(file)) await this.#need(repo, pointer, file, head);
  }

  async #workspace(repo: Repo, top: OsPath): Promise<void> {
    for (const { stage, out } of loadIndex(repo).outs) {
      if (out.hash === undefined || !out.useCache || !out.isLocal || isRepoImport(stage)) continue;
      const file = posixRelative(top, stage.file);
      const path = posixRelative(dirname(stage.file), out.path);
      await this.#need(repo, { path, hash: out.hash, remote: out.remote }, file);
    }
  }

  async #need(repo: Repo, { path, hash, remote }: Pointer, file: RelPath, commit?: string): Promise<void> {
    const oid = hash.value;
    const { apart } = this.#options;
    const isApart = this.#where.isOwn && apart?.has(posix.join(posix.dirname(file), path), oid) === true;
    if (!isApart && this.#used.has(remote, oid)) return;
    const oids = await this.#objects(repo, hash, remote, file, commit);
    if (isApart) apart.found(this.#where.name, oids);
    else this.#used.add(remote, oids);
  }

  async #objects(
    repo: Repo,
    hash: HashInfo,
    remote: string | undefined,
    file: RelPath,
    commit: string | undefined,
  ): Promise<string[]> {
    const oid = hash.value;
    if (!isDirHash(oid)) return [oid];
    const tree = await this.#manifest(repo, hash, remote);
    if (tree === undefined && commit !== undefined && this.#isLetGo(repo, oid, commit)) return [];
    if (tree === undefined)
      throw new DvcError(`the manifest ${oid} of a folder, recorded in '${file}', is in no cache and on no remote`, {
        code: "missing-object",
      });
    return [oid, ...tree.md5s()];
  }

  /** Whether nobody needs the folder that a commit records: it was purged, or a gc in that project took it away. */
  #isLetGo(repo: Repo, oid: string, commit: string): boolean {
    if (wasPurged(repo, oid, commit) || wasPurged(this.#repo, oid, commit)) return true;
    return repo !== this.#repo && wasCollected(repo, oid, commit);
  }

  async #manifest(repo: Repo, hash: HashInfo, remote: string | undefined): Promise<Tree | undefined> {
    const here = cacheFor(this.#repo, hash).peekTree(hash.value);
    return here ?? manifestOf(repo, hash, { ...this.#options, remote });
  }
}
