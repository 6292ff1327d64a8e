import { existsSync, lstatSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { ConfigError, DvcError, UnsafePathError } from "../base/errors.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import { parseConfig } from "../formats/config.ts";
import type { Environment } from "../base/platform.ts";
import type { FileSource } from "../pipeline/source.ts";
import type { Git } from "../scm/git.ts";
import type { Config, ConfigLevel, SetOption } from "./config.ts";
import { settingsToTrust, trustDigest, trustedDigest, type TrustSetting, writeTrust } from "./trustFile.ts";

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

const localIsTracked = new WeakMap<TrustedPart, boolean>();
const trusted = new WeakMap<TrustedPart, boolean>();
const foreign = new WeakSet<TrustedPart>();

/** Notes that this project was cloned by us, as the source of an import: nothing in its config was typed here. */
export function noteForeign(repo: TrustedPart): void {
  foreign.add(repo);
}

/** Whether whoever wrote the repository set what this level sets: `.dvc/config`, and `.dvc/config.local` when Git tracks it. */
export function isProjectLevel(repo: TrustedPart, level: ConfigLevel): boolean {
  if (level === "project") return true;
  if (level !== "local") return false;
  const file = repo.config.files.local;
  let isTracked = localIsTracked.get(repo);
  if (isTracked === undefined) {
    isTracked = file !== undefined && (repo.git?.isTracked([file]).has(file) ?? false);
    localIsTracked.set(repo, isTracked);
  }
  return isTracked;
}

/** Whether the user trusts this project with the config that it has now. */
export function isTrustedProject(repo: TrustedPart): boolean {
  if (repo.env.trust === true) return true;
  let answer = trusted.get(repo);
  if (answer === undefined) {
    answer = repo.isInitialized && trustedDigest(repo.env, repo.root) === trustDigest(filesOf(repo));
    trusted.set(repo, answer);
  }
  return answer;
}

/** Whether what this level sets was set by the user, or by somebody whose project the user trusts. */
export function isTrustedProjectLevel(repo: TrustedPart, level: ConfigLevel): boolean {
  return !isProjectLevel(repo, level) || isTrustedProject(repo);
}

/** Whether an option that stands at this level counts: not what is committed to a project that nobody trusts. */
export function counts(repo: TrustedPart, key: string, level: ConfigLevel): boolean {
  return !isProjectLevel(repo, level) || isTrustedProject(repo) || !isCommitted(repo, key);
}

/** Trusts the project with the config that it has now, until that changes. */
export function trustProject(repo: TrustedPart): void {
  writeTrust(repo.env, repo.root, trustDigest(filesOf(repo)));
  trusted.set(repo, true);
}

/** Trusts it no longer. */
export function distrustProject(repo: TrustedPart): void {
  writeTrust(repo.env, repo.root, undefined);
  trusted.set(repo, false);
}

/** All that the project's own config names on this machine. */
export function namedByProject(repo: TrustedPart): TrustSetting[] {
  return filesOf(repo).flatMap((sections) => settingsToTrust(sections, rootOf(repo)));
}

/**
 * Makes sure that no credential file and no program counts that the committed config names for this remote, unless the user
 * trusts the project; asks once where somebody can answer.
 * @throws {ConfigError} code `untrusted`, with what is named and what to do
 */
export async function requireTrust(
  repo: TrustedPart,
  remote: { readonly name: string; readonly options: ReadonlyMap<string, SetOption> },
): Promise<void> {
  const prefix = `remote.${remote.name.toLowerCase()}.`;
  const set = (option: string, value: string): boolean => {
    const found = remote.options.get(option);
    return found !== undefined && found.value === value && isProjectLevel(repo, found.level);
  };
  const named = namedByProject(repo).filter(
    ({ key, value }) => key.startsWith(prefix) && set(key.slice(prefix.length), value),
  );
  if (named.length === 0 || isTrustedProject(repo) || !named.some(({ key }) => isCommitted(repo, key))) return;
  const text = `the committed config names ${named.map(({ reason, key, value }) => `a ${reason} (${key} = ${value})`).join(", ")}`;
  const question = `In '${repo.root}' ${text}. Do you trust this project, until its config changes?`;
  if ((await repo.env.askTrust?.(question)) === true) trustProject(repo);
  else throw new ConfigError(text, { code: "untrusted", hint: advice(repo) });
}

/**
 * The same for the folder of the cache: a committed config may name one outside of the project only when it is a cache
 * already. Nor may a committed link lead the cache, or other files of ours, elsewhere.
 * @throws {ConfigError} code `untrusted`; {UnsafePathError} for a link
 */
export function checkCacheFolder(repo: TrustedPart): void {
  const ours = ["trash", "journal", "quarantine"].map((name) => join(repo.tmpDir, name));
  for (const path of [repo.dvcDir, repo.tmpDir, join(repo.dvcDir, "cache"), ...ours]) refuseTrackedLink(repo, path);
  const set = repo.config.lookup("cache", "dir");
  if (set === undefined || set.value !== repo.cacheDir || !isProjectLevel(repo, set.level)) return;
  if (isInside(rootOf(repo), repo.cacheDir) || isCache(repo.cacheDir)) return;
  if (counts(repo, "cache.dir", set.level)) return;
  throw new ConfigError(
    `the committed config puts the cache into '${repo.cacheDir}', which is outside of the project and no cache`,
    { code: "untrusted", hint: advice(repo) },
  );
}

function advice(repo: TrustedPart): string {
  const { programName } = repo.env;
  return `Nothing was done. If you trust this project, run '${programName} trust' in it; in CI use '--trust' or HOLDFAST_TRUST=1.`;
}

function refuseTrackedLink(repo: TrustedPart, path: OsPath): void {
  if (repo.git === undefined || lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  if (!repo.git.isTracked([path]).has(path)) return;
  throw new UnsafePathError(`'${path}' is a link that was committed to Git`, {
    hint: "Nothing was written. Remove it from Git if it is yours: `git rm --cached`.",
  });
}

/** Whether objects lie there in one of DVC's two ways. */
function isCache(folder: OsPath): boolean {
  if (existsSync(join(folder, "files", "md5"))) return true;
  try {
    return readdirSync(folder).some((name) => /^[0-9a-f]{2}$/.test(name));
  } catch {
    return false;
  }
}

function rootOf(repo: TrustedPart): OsPath {
  return repo.git?.root ?? repo.root;
}

function filesOf(repo: TrustedPart): Readonly<Record<string, unknown>>[] {
  const local = isProjectLevel(repo, "local") ? [repo.config.read("local")] : [];
  return [repo.config.read("project"), ...local];
}

/** Whether the last commit sets it to what the file sets it to now: what the user has just typed is not committed yet. */
function isCommitted(repo: TrustedPart, key: string): boolean {
  if (foreign.has(repo)) return true;
  const { git } = repo;
  const head = git?.head();
  if (git === undefined || head === undefined) return false;
  return (["project", "local"] as const).some((level) => {
    const file = repo.config.files[level];
    if (file === undefined) return false;
    const committed = valueIn(git.tree(head).readBytes(file)?.toString("utf8"), key, basename(file));
    return committed !== undefined && committed === valueIn(repo.workspace.readText(file), key, basename(file));
  });
}

function valueIn(text: string | undefined, key: string, file: string): string | undefined {
  if (text === undefined) return undefined;
  try {
    let value: unknown = parseConfig(text, file);
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
