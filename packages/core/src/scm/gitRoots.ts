import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { OsPath, RelPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { Git } from "./git.ts";
import { listRefs, readRef } from "./gitRefs.ts";
import { isThere } from "../fs/isThere.ts";
import { ofFile } from "../base/ofFile.ts";

/** What Git keeps beside branches and tags, and what must not be lost with them: other worktrees, stashes, the index. */

/** Another worktree of the same repository. */
export interface Worktree {
  /** Its top folder, which may be gone. */
  readonly root: OsPath;
  readonly isThere: boolean;
  /** Its HEAD; undefined before the first commit. */
  readonly head: string | undefined;
  /** Its own view of the repository. */
  readonly git: Git;
}

/** A commit that only a name of Git's own reaches, as a person would call it. */
export interface NamedCommit {
  readonly name: string;
  readonly sha: string;
}

/** The worktrees of the same repository but this one; a child process only in those of a submodule, or whose Git folder is elsewhere. */
export function otherWorktrees(git: Git, environment: Environment): Worktree[] {
  const { commonDir, gitDir } = git.layout;
  const found: Worktree[] = [];
  const add = (root: OsPath, own: OsPath): void => {
    if (own === gitDir) return;
    const other = new Git({ root, gitDir: own, commonDir }, environment);
    found.push({ root, isThere: isThere(join(root, ".git")), head: other.head(), git: other });
  };
  const main = gitDir === commonDir ? undefined : mainWorktree(git);
  if (main !== undefined) add(main, commonDir);
  for (const name of namesIn(join(commonDir, "worktrees"))) {
    const own = join(commonDir, "worktrees", name);
    const link = readIfThere(join(own, "gitdir"))?.trim();
    if (link !== undefined && isThere(join(own, "HEAD"))) add(dirname(resolve(own, link)), own);
  }
  return found;
}

/** The top folder of the first worktree, seen from another one; Git's own folder where nobody knows it, undefined where there is none. */
function mainWorktree(git: Git): OsPath | undefined {
  const { commonDir } = git.layout;
  if (basename(commonDir) === ".git") return dirname(commonDir);
  if (git.config("core.bare") === "true") return undefined;
  // Of a submodule, or with a Git folder elsewhere.
  return resolve(commonDir, git.config("core.worktree") ?? ".");
}

/** What is stashed: the commits of the workspace, of the index and of untracked files. No child process without stashes. */
export function stashedCommits(git: Git): NamedCommit[] {
  return reflog(git, "refs/stash").flatMap(({ name, parents, sha }) =>
    [sha, ...parents.slice(1)].map((one) => ({ name, sha: one })),
  );
}

/** Refs of DVC's experiments that a stash-like log stands behind: queued and failed ones. */
const EXPERIMENT_LOGS = ["refs/exps/stash", "refs/exps/celery/stash", "refs/exps/celery/failed"];

/** Every commit that DVC's experiments name, queued ones too. */
export function experimentRefs(git: Git): NamedCommit[] {
  const found = new Map<string, string>();
  for (const [name, sha] of listRefs(git.layout, "refs/exps/")) found.set(sha, name);
  for (const ref of EXPERIMENT_LOGS) for (const { name, sha } of reflog(git, ref)) found.set(sha, name);
  return [...found].map(([sha, name]) => ({ name, sha }));
}

function reflog(git: Git, ref: string): { name: string; sha: string; parents: string[] }[] {
  if (readRef(git.layout, ref) === undefined) return [];
  const { stdout } = git.run(["log", "--walk-reflogs", "--format=%gd%x00%H %P", ref, "--"], {});
  return stdout
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [name = "", commits = ""] = line.split("\0");
      const [sha = "", ...parents] = commits.split(" ");
      return { name, sha, parents };
    });
}

/** Text of the files that are staged and differ from HEAD, by their path from the top folder; those that `wants` names. */
export function stagedTexts(git: Git, wants: (path: RelPath) => boolean): Map<RelPath, string> {
  if (!isThere(join(git.gitDir, "index"))) return new Map();
  const args =
    git.head() === undefined
      ? ["ls-files", "--cached", "-z"]
      : ["diff-index", "--cached", "--name-only", "--no-renames", "--diff-filter=AMT", "-z", "HEAD", "--"];
  const texts = new Map<RelPath, string>();
  for (const path of git.run(args, {}).stdout.toString("utf8").split("\0")) {
    if (path === "" || !wants(path)) continue;
    texts.set(path, git.run(["cat-file", "blob", `:0:${path}`], {}).stdout.toString("utf8"));
  }
  return texts;
}

/** Files of the index that a sparse checkout leaves out of the workspace; no child process without one. */
export function sparsePaths(git: Git): Set<RelPath> {
  if (!isThere(join(git.gitDir, "info", "sparse-checkout"))) return new Set();
  const { stdout } = git.run(["ls-files", "-t", "--cached", "-z"], {});
  const lines = stdout.toString("utf8").split("\0");
  return new Set(lines.filter((line) => line.startsWith("S ")).map((line) => line.slice(2)));
}

/** Whether history was cut off when the repository was cloned. */
export function isShallow(git: Git): boolean {
  return (statSync(join(git.layout.commonDir, "shallow"), { throwIfNoEntry: false })?.size ?? 0) > 0;
}

function readIfThere(path: OsPath): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
    ? ofFile(path, () => readFileSync(path, "utf8"))
    : undefined;
}

function namesIn(folder: OsPath): string[] {
  return isThere(folder) ? readdirSync(folder).sort() : [];
}
