import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { DvcError } from "../base/errors.ts";
import { isInside, type OsPath, posixRelative } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { isLink } from "../fs/isLink.ts";
import { parseConfig } from "../formats/config.ts";
import type { FileSource } from "../pipeline/source.ts";
import { Git } from "../scm/git.ts";
import type { Config } from "./config.ts";

/** The part of an open project that decides on trust; a `Repo` is one. */
export interface TrustedPart {
  readonly root: OsPath;
  readonly dvcDir: OsPath;
  readonly tmpDir: OsPath;
  readonly cacheDir: OsPath;
  readonly isInitialized: boolean;
  readonly env: Environment;
  readonly config: Config;
  readonly git: Git | undefined;
  readonly workspace: FileSource;
}

const found = new WeakMap<TrustedPart, Git | undefined>();

/** The Git repository around a project, also of one whose config says to do without: that was committed, maybe. */
export function gitAround(repo: TrustedPart): Git | undefined {
  if (repo.git !== undefined) return repo.git;
  if (!found.has(repo)) found.set(repo, Git.find(repo.root, repo.env));
  return found.get(repo);
}

/** Those of `paths` that are links and that Git tracks. */
export function committedLinks(repo: TrustedPart, paths: readonly OsPath[]): ReadonlySet<OsPath> {
  const links = paths.filter(isLink);
  return links.length === 0 ? new Set() : (gitAround(repo)?.isTracked(links) ?? new Set());
}

/** Whether Git tracks the file, or a link on the way to it. */
export function isCommittedFile(repo: TrustedPart, file: OsPath): boolean {
  const git = gitAround(repo);
  if (git === undefined) return false;
  return git.isTracked([file]).has(file) || isBehindCommitted(repo, git, file);
}

/** Whether a committed link, or a repository within this one, lies on the way to a file. */
function isBehindCommitted(repo: TrustedPart, git: Git, file: OsPath): boolean {
  if (!isInside(git.root, file)) return false;
  const parts = posixRelative(git.root, file).split("/");
  const way = parts.map((_, at) => join(git.root, ...parts.slice(0, at + 1)));
  return way.some(isRepository) || committedLinks(repo, way).size > 0;
}

/** Whether a folder is a Git repository of its own: what a submodule holds is as committed as all else, though Git names only its folder. */
export function isRepository(folder: OsPath): boolean {
  return existsSync(join(folder, ".git"));
}

/**
 * Whether an option of a config file has the value that Git gave it: the file is as Git wrote it, or the value is that of the
 * last commit or of the index, which may hold what somebody else's branch brought. What the user has just typed is in neither.
 */
export function isCommittedOption(repo: TrustedPart, file: OsPath, key: string): boolean {
  const git = gitAround(repo);
  if (git === undefined || !isInside(git.root, file)) return false;
  const present = optionOf(repo.workspace.readText(file), key, file);
  if (present === undefined) return false;
  if (isBehindCommitted(repo, git, file) || isAsCommitted(git, file)) return true;
  const path = posixRelative(git.root, file);
  return ["HEAD:", ":"].some((from) => optionOf(asCheckedOut(git, from + path), key, file) === present);
}

/** Whether the file is what checking it out would make of the last commit. */
function isAsCommitted(git: Git, file: OsPath): boolean {
  const path = posixRelative(git.root, file);
  if (git.head() === undefined || !git.isTracked([file]).has(file)) return false;
  const { code } = git.run(["--literal-pathspecs", "diff", "--quiet", "--no-ext-diff", "HEAD", "--", path], {
    allow: [0, 1, 128, 129],
  });
  return code === 0;
}

/** Attributes of a repository let a file differ from what is committed, with nobody having touched it. */
function asCheckedOut(git: Git, name: string): string | undefined {
  for (const how of ["--filters", "-p"]) {
    const { code, stdout } = git.run(["cat-file", how, name], { allow: [0, 1, 128, 129] });
    if (code === 0) return stdout.toString("utf8");
  }
  return undefined;
}

function optionOf(text: string | undefined, key: string, file: OsPath): string | undefined {
  if (text === undefined) return undefined;
  try {
    let value: unknown = parseConfig(text, basename(file));
    const [section, ...rest] = key.split(".");
    const names = section === "remote" ? [rest.slice(0, -1).join("."), rest[rest.length - 1]] : rest;
    for (const name of [section, ...names])
      value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name ?? ""] : undefined;
    return value === undefined ? undefined : JSON.stringify(value);
  } catch (error) {
    if (error instanceof DvcError) return undefined;
    throw error;
  }
}
