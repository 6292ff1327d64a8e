import { existsSync, readdirSync } from "node:fs";
import { join, sep } from "node:path";
import { ConfigError } from "../base/errors.ts";
import { isInside, isReservedName, type OsPath, posixRelative } from "../base/paths.ts";
import { namesIn } from "../fs/namesIn.ts";
import { gitAround, isCommittedFile, isCommittedOption, type TrustedPart } from "./committed.ts";
import type { ConfigLevel, SetOption } from "./config.ts";
import { checkOwnFolders } from "./ownFolders.ts";
import {
  settingsToTrust,
  trustDigest,
  trustReasonOf,
  trustedDigest,
  type TrustSetting,
  writeTrust,
} from "./trustFile.ts";

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
  if (foreign.has(repo)) return true;
  const file = repo.config.files.local;
  let isTracked = localIsTracked.get(repo);
  if (isTracked === undefined) {
    isTracked = file !== undefined && isCommittedFile(repo, file);
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
  // A remote may take options over from the one that its URL refers to, so the names of remotes do not count.
  const isUsed = ({ key, value }: TrustSetting): boolean => {
    const set = remote.options.get(key.slice(key.lastIndexOf(".") + 1));
    return key.startsWith("remote.") && set?.value === value && isProjectLevel(repo, set.level);
  };
  const named = namedByProject(repo).filter(isUsed);
  if (named.length === 0 || isTrustedProject(repo) || !named.some(({ key }) => isCommitted(repo, key))) return;
  const text = `the committed config names ${named.map(({ reason, key, value }) => `a ${reason} (${key} = ${value})`).join(", ")}`;
  const question = `In '${repo.root}' ${text}. Do you trust this project, until its config changes?`;
  if ((await repo.env.askTrust?.(question)) === true) trustProject(repo);
  else throw new ConfigError(text, { code: "untrusted", hint: advice(repo) });
}

/**
 * The same for options of a storage that stand in a committed `.dvc` file or dvc.yaml (`fs_config`).
 * @param files those that give them
 * @returns whether they come from somebody whom the user does not trust
 * @throws {ConfigError} code `untrusted`
 */
export async function requireTrustInFiles(
  repo: TrustedPart,
  files: readonly OsPath[],
  options: Readonly<Record<string, string>>,
): Promise<boolean> {
  if (isTrustedProject(repo)) return false;
  const file = files.find((one) => foreign.has(repo) || isCommittedFile(repo, one));
  if (file === undefined) return false;
  const named = Object.entries(options).flatMap(([option, value]) => {
    const reason = trustReasonOf(option);
    return reason === undefined ? [] : [`a ${reason} (fs_config: ${option} = ${value})`];
  });
  if (named.length === 0) return true;
  const text = `the committed file '${posixRelative(repo.root, file)}' names ${named.join(", ")}`;
  const question = `In '${repo.root}' ${text}. Do you trust this project, until its config changes?`;
  if ((await repo.env.askTrust?.(question)) !== true)
    throw new ConfigError(text, { code: "untrusted", hint: advice(repo) });
  trustProject(repo);
  return false;
}

/**
 * The same for the folder of the cache: a committed config may name one outside of the project only when it is a cache
 * already. Nor may a committed link lead the cache, or other files of ours, elsewhere.
 * @throws {ConfigError} code `untrusted`; {UnsafePathError} for a link
 */
export function checkCacheFolder(repo: TrustedPart): void {
  checkOwnFolders(repo);
  const isInGit = repo.cacheDir.split(sep).some((name) => isReservedName(name) && !/^\.?dvc/i.test(name));
  if (!isInGit && (isInside(rootOf(repo), repo.cacheDir) || isCache(repo.cacheDir))) return;
  if (cacheSettings(repo).every(({ key, level }) => counts(repo, key, level))) return;
  if (isInGit)
    throw new ConfigError(`the committed config puts the cache into '${repo.cacheDir}', which is Git's`, {
      code: "untrusted",
      hint: advice(repo),
    });
  throw new ConfigError(
    `the committed config puts the cache into '${repo.cacheDir}', which is outside of the project and no cache`,
    { code: "untrusted", hint: advice(repo) },
  );
}

/** The options that say where the cache is: its folder, or a remote whose URL is that. */
function cacheSettings({ config }: TrustedPart): { readonly key: string; readonly level: ConfigLevel }[] {
  const named = config.lookup("cache", "local");
  const url = named === undefined ? undefined : config.lookup(`remote.${named.value}`, "url");
  if (named !== undefined && url !== undefined)
    return [
      { key: "cache.local", level: named.level },
      { key: `remote.${named.value}.url`, level: url.level },
    ];
  const dir = config.lookup("cache", "dir");
  return dir === undefined ? [] : [{ key: "cache.dir", level: dir.level }];
}

function advice(repo: TrustedPart): string {
  const { programName } = repo.env;
  return `Nothing was done. If you trust this project, run '${programName} trust' in it; in CI use '--trust' or HOLDFAST_TRUST=1.`;
}

/** Whether objects lie there in one of DVC's two ways. */
function isCache(folder: OsPath): boolean {
  if (existsSync(join(folder, "files", "md5"))) return true;
  try {
    return readdirSync(folder).some((name) => /^[0-9a-f]{2}$/.test(name) && holdsObjects(join(folder, name)));
  } catch {
    return false;
  }
}

function holdsObjects(folder: OsPath): boolean {
  return namesIn(folder).some((name) => /^[0-9a-f]{30}(\.dir)?$/.test(name));
}

function rootOf(repo: TrustedPart): OsPath {
  return gitAround(repo)?.root ?? repo.root;
}

function filesOf(repo: TrustedPart): Readonly<Record<string, unknown>>[] {
  const local = isProjectLevel(repo, "local") ? [repo.config.read("local")] : [];
  return [repo.config.read("project"), ...local];
}

function isCommitted(repo: TrustedPart, key: string): boolean {
  if (foreign.has(repo)) return true;
  return (["project", "local"] as const).some((level) => {
    const file = repo.config.files[level];
    return file !== undefined && isCommittedOption(repo, file, key);
  });
}
