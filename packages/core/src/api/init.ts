import { existsSync, lstatSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { type CallOptions, info } from "../base/events.ts";
import { DvcError, UsageError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { removeLeftovers, syncFolder, temporaryPath, writeFileAtomic } from "../fs/atomic.ts";
import { openRepo } from "../repo/repo.ts";
import { DVC_DIR } from "../repo/projectRoot.ts";
import { Git } from "../scm/git.ts";
import { makeFolders } from "../fs/makeFolders.ts";

/** Options of {@link init}. */
export interface InitOptions extends CallOptions {
  /** Work without Git. */
  readonly noScm?: boolean;
  /** Replace an existing `.dvc`, its cache included. */
  readonly force?: boolean;
  /** Make a project of a folder inside a Git repository. */
  readonly subdir?: boolean;
}

/** What was made. Paths are absolute. */
export interface InitResult {
  readonly root: OsPath;
  readonly files: readonly OsPath[];
}

const IGNORED = "/config.local\n/tmp\n/cache\n";
// DVC's own first lines of the file, so that the two tools make the same.
const DVCIGNORE = `# Add patterns of files dvc should ignore, which could improve
# the performance. Learn more at
# https://dvc.org/doc/user-guide/dvcignore
`;

/**
 * Makes `directory` a project and stages its files in Git.
 * @throws {UsageError} for `noScm` with `subdir`. @throws {DvcError} when there is no Git, `.dvc` exists or Git ignores it
 * @example await init(env, ".")
 */
export async function init(env: Environment, directory = ".", options: InitOptions = {}): Promise<InitResult> {
  if (options.noScm === true && options.subdir === true) {
    throw new UsageError("Cannot initialize repo with `--no-scm` and `--subdir`");
  }
  const root = resolve(env.cwd, directory);
  const dvcDir = join(root, DVC_DIR);
  const git = options.noScm === true ? undefined : findGit(env, root, options.subdir === true);
  if (git?.isIgnored([dvcDir]).has(dvcDir) === true) {
    throw new DvcError(
      `${dvcDir} is ignored by your SCM tool. \nMake sure that it's tracked, for example, by adding '!.dvc' to .gitignore.`,
    );
  }
  checkRoom(env, dvcDir, options.force === true);
  const files = makeProject(root, dvcDir, git !== undefined);
  await forgetState({ ...env, cwd: root });
  git?.add(files);
  info(options, "Initialized DVC repository.\n");
  if (options.noScm !== true) info(options, "You can now commit the changes to git.\n");
  return { root, files };
}

function findGit(env: Environment, root: OsPath, subdir: boolean): Git {
  const git = Git.find(subdir ? existingFolder(root) : root, env);
  if (git === undefined || (!subdir && git.root !== root && !existsSync(join(root, ".git")))) {
    throw new DvcError(
      `${root} is not tracked by any supported SCM tool (e.g. Git). Use \`--no-scm\` if you don't want to use any SCM or \`--subdir\` if initializing inside a subdirectory of a parent SCM repository.`,
    );
  }
  return git;
}

/** `path`, or the nearest folder above it that is there: `init --subdir` makes the rest. */
function existingFolder(path: OsPath): OsPath {
  return existsSync(path) ? path : existingFolder(dirname(path));
}

/** @throws {DvcError} when a project is there and not `force`, or something that is no folder */
function checkRoom(env: Environment, dvcDir: OsPath, force: boolean): void {
  if (lstatSync(dvcDir, { throwIfNoEntry: false }) === undefined) return;
  const shown = `'${relative(env.cwd, dvcDir)}'`;
  const isFolder = statSync(dvcDir, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder) throw new DvcError(`${shown} is there and is no folder: remove it first.`);
  if (!force) throw new DvcError(`${shown} exists. Use \`-f\` to force.`, { code: "exists" });
}

/** Makes `.dvc` aside and gives it its name when it is whole: an init that was cut short leaves no half project. @returns the files */
function makeProject(root: OsPath, dvcDir: OsPath, hasGit: boolean): OsPath[] {
  makeFolders(root);
  removeLeftovers(dvcDir);
  const made = temporaryPath(dvcDir);
  const dvcignore = join(root, ".dvcignore");
  const texts = { config: hasGit ? "" : "[core]\n    no_scm = True\n", ...(hasGit ? { ".gitignore": IGNORED } : {}) };
  try {
    mkdirSync(made);
    for (const [name, text] of Object.entries(texts)) writeFileAtomic(join(made, name), text);
    if (!existsSync(dvcignore)) writeFileAtomic(dvcignore, DVCIGNORE, { inside: root });
    putInPlace(made, dvcDir);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    throw error;
  }
  const [config = "", ...others] = Object.keys(texts).map((name) => join(dvcDir, name));
  return [config, dvcignore, ...others];
}

/** What is there now goes once the new has its place. */
function putInPlace(made: OsPath, dvcDir: OsPath): void {
  const old = temporaryPath(dvcDir);
  const isReplaced = lstatSync(dvcDir, { throwIfNoEntry: false }) !== undefined;
  if (isReplaced) renameSync(dvcDir, old);
  try {
    renameSync(made, dvcDir);
  } catch (error) {
    if (isReplaced) renameSync(old, dvcDir);
    throw error;
  }
  syncFolder(dirname(dvcDir));
  if (isReplaced) rmSync(old, { recursive: true, force: true });
}

/** What is remembered of an earlier project in this folder would only mislead. */
async function forgetState(env: Environment): Promise<void> {
  const repo = await openRepo(env);
  const { siteDir } = repo;
  repo.close();
  rmSync(siteDir, { recursive: true, force: true });
}
