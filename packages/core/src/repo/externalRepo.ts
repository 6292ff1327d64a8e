import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { DvcError, NotDvcRepoError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { cloneRepository } from "../scm/clone.ts";
import { Git } from "../scm/git.ts";
import { readManifest } from "./manifests.ts";
import { openRepo, type Repo } from "./repo.ts";
import { commitFiles, RepoView, workspaceFiles } from "./repoView.ts";

/** Another repository, or this one at another revision. */
export interface ExternalOptions extends CallOptions {
  /** Any revision; without it a local folder is read as it is, and a URL at its default branch. */
  readonly rev?: string;
  /** A config file merged into the repository's own. */
  readonly config?: string;
  /** Name of the remote to use as the default there. */
  readonly remote?: string;
  /** Options merged into that remote. */
  readonly remoteConfig?: Readonly<Record<string, string>>;
}

/** An opened repository; `close` removes what was cloned. */
export interface ExternalRepo {
  readonly view: RepoView;
  /** Root of the project, or of the Git repository when it is no project. */
  readonly root: OsPath;
  readonly repo: Repo | undefined;
  readonly git: Git | undefined;
  /** Commit that is looked at; undefined for a working tree. */
  readonly commit: string | undefined;
  close(): void;
}

/**
 * Opens a local project (working tree or revision) or clones a Git URL into a temporary folder.
 * @throws {ScmError} when the URL cannot be cloned or the revision is unknown.
 */
export async function openExternal(
  env: Environment,
  url: string,
  options: ExternalOptions = {},
): Promise<ExternalRepo> {
  const local = await openLocal(env, url, options);
  if (local !== undefined) return local;
  const folder = mkdtempSync(join(tmpdir(), "holdfast-erepo-"));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const git = cloneRepository(env, url, join(folder, "repo"), { checkout: true });
    const opened = await viewOf(
      { ...env, cwd: git.root },
      git.root,
      git,
      options.rev ?? "HEAD",
      join(folder, "cache"),
      options,
    );
    return { ...opened, close: remove };
  } catch (error) {
    remove();
    throw error;
  }
}

async function openLocal(env: Environment, url: string, options: ExternalOptions): Promise<ExternalRepo | undefined> {
  const path = resolve(env.cwd, url);
  if (/^\w+:\/\//.test(url) || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  try {
    const repo = await openRepo({ ...env, cwd: path });
    const opened = await viewOf({ ...env, cwd: path }, repo.root, repo.git, options.rev, undefined, options);
    return { ...opened, close: () => undefined };
  } catch (error) {
    if (error instanceof NotDvcRepoError) return undefined;
    throw error;
  }
}

async function viewOf(
  env: Environment,
  root: OsPath,
  git: Git | undefined,
  rev: string | undefined,
  cacheDir: OsPath | undefined,
  options: ExternalOptions,
): Promise<Omit<ExternalRepo, "close">> {
  if (rev !== undefined && git === undefined) throw new DvcError(`'${root}' is not a Git repository`, { code: "scm" });
  const commit = rev === undefined ? undefined : git?.resolveRev(rev);
  const tree = commit === undefined ? undefined : git?.tree(commit);
  const open = async (at: OsPath): Promise<Repo | undefined> => {
    if (!existsSync(join(at, ".dvc")) || (tree !== undefined && !tree.exists(join(at, ".dvc")) && at !== root))
      return undefined;
    return openRepo({ ...env, cwd: at }, overrides(cacheDir, options));
  };
  const repo = existsSync(join(root, ".dvc")) ? await open(root) : undefined;
  const view = new RepoView({
    root,
    files: tree === undefined ? workspaceFiles(repo) : commitFiles(tree),
    rev: commit,
    readManifest: (owner, one) => readManifest(owner, one, options),
    openProject: (at) => (at === root ? Promise.resolve(repo) : open(at)),
  });
  return { view, root, repo, git, commit };
}

function overrides(
  cacheDir: OsPath | undefined,
  options: ExternalOptions,
): { cacheDir?: OsPath; configFile?: string; remote?: string; remoteConfig?: Readonly<Record<string, string>> } {
  return {
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(options.config === undefined ? {} : { configFile: options.config }),
    ...(options.remote === undefined ? {} : { remote: options.remote }),
    ...(options.remoteConfig === undefined ? {} : { remoteConfig: options.remoteConfig }),
  };
}
