import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import type { Built } from "../data/build.ts";
import { isRecord } from "../formats/pyValues.ts";
import { isDirHash } from "../hash/hashInfo.ts";
import { Tree } from "../odb/tree.ts";
import { isRepoImport, type RepoSource, type Stage } from "../pipeline/stage.ts";
import { cloneCommit } from "../scm/clone.ts";
import { Git } from "../scm/git.ts";
import { cacheFor, recordedHash, type StageOutput } from "./dataRoots.ts";
import { sourceFiles } from "./externalFiles.ts";
import { storeFiles } from "./storeFiles.ts";
import { lookOnly } from "./looking.ts";
import { readManifest } from "./manifests.ts";
import type { ExternalOptions, ExternalRepo } from "./externalTypes.ts";
import { findProjectRoot } from "./projectRoot.ts";
import { openRepo, openRepoSync, type Repo } from "./repo.ts";
import { resolveRemote } from "./resolveRemote.ts";
import { noteForeign } from "./trust.ts";
import { distrustOverrides } from "./secrets.ts";
import { isLocalUrl, usableUrl } from "./sourceUrl.ts";
import { commitFiles, RepoView, workspaceFiles } from "./repoView.ts";

export type { ExternalOptions, ExternalRepo } from "./externalTypes.ts";

/** An import may lead to an import so many times. */
const MAX_CHAIN = 16;

/**
 * Opens a local folder (project or not; its working tree or a revision) or a Git URL from a copy of it.
 * @throws {CloneError} when the URL cannot be cloned, {ScmError} when the revision is unknown.
 */
export async function openExternal(
  env: Environment,
  url: string,
  options: ExternalOptions = {},
): Promise<ExternalRepo> {
  // Whatever paths the caller gave count from where the caller is.
  const given = options.config === undefined ? options : { ...options, config: resolve(env.cwd, options.config) };
  return (await openLocal(env, url, given)) ?? openClone(env, url, given);
}

async function openClone(env: Environment, url: string, options: ExternalOptions): Promise<ExternalRepo> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-erepo-"));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { rev, allRefs } = options;
    const { git, commit } = cloneCommit(env, url, join(folder, "repo"), {
      ...(rev === undefined ? {} : { rev }),
      ...(allRefs === true ? { all: true } : {}),
    });
    const at = { root: git.root, git, commit, cacheDir: options.cacheDir ?? join(folder, "cache"), isClone: true };
    const bases = [...(env.bases ?? []), env.cwd, ...localPath(env, url)];
    return { ...(await viewOf({ ...env, cwd: git.root, bases }, at, options)), close: remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Where the repository that was copied lies, when that is on this machine. */
function localPath(env: Environment, url: string): OsPath[] {
  if (url.startsWith("file://")) return [resolve("/", url.slice("file://".length))];
  return isLocalUrl(url) ? [resolve(env.cwd, url)] : [];
}

async function openLocal(env: Environment, url: string, options: ExternalOptions): Promise<ExternalRepo | undefined> {
  const path = resolve(env.cwd, url);
  if (!isLocalUrl(url) || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  const project = findProjectRoot(path);
  if (project === undefined && isBareGit(path)) return undefined;
  // As in DVC, any folder will do, whether Git or nobody keeps it: its files are taken as they are.
  const root = project ?? path;
  const git = Git.find(root, env);
  if (options.rev !== undefined && git === undefined)
    throw new DvcError(`${root} is not a git repository`, { code: "scm" });
  const commit = options.rev === undefined ? undefined : git?.resolveRev(options.rev);
  const at = { root, git, commit, cacheDir: options.cacheDir, isClone: false };
  const opened = await viewOf({ ...env, cwd: path }, at, options);
  // What was learnt of the source's files is not saved there: the source is only read.
  return { ...opened, close: () => undefined };
}

function isBareGit(folder: OsPath): boolean {
  return ["HEAD", "objects", "refs"].every((name) => existsSync(join(folder, name)));
}

interface Place {
  readonly root: OsPath;
  readonly git: Git | undefined;
  readonly commit: string | undefined;
  /** Folder of the cache to use; undefined: the projects' own. */
  readonly cacheDir: OsPath | undefined;
  readonly isClone: boolean;
}

async function viewOf(user: Environment, place: Place, options: ExternalOptions): Promise<Omit<ExternalRepo, "close">> {
  // What the user says of the own project does not hold for the source.
  const { trust: _trust, askTrust: _askTrust, ...env } = user;
  const { root, git, commit, cacheDir, isClone } = place;
  const tree = commit === undefined ? undefined : git?.tree(commit);
  const isProject = (at: OsPath): boolean =>
    existsSync(join(at, ".dvc")) && (at === root || tree?.exists(join(at, ".dvc")) !== false);
  const open = async (at: OsPath): Promise<Repo> => {
    const opened = await openRepo({ ...env, cwd: at }, overrides(cacheDir, options));
    if (options.fromFile === true) distrustOverrides(opened);
    else if (at === root) requireRemote(opened, options.remote);
    if (isClone) noteForeign(opened);
    else lookOnly(opened);
    return opened;
  };
  const repo = isProject(root) ? await open(root) : undefined;
  const upstreams = new Map<OsPath, Repo>();
  const upstream = (of: Repo): Repo | undefined => {
    if (isClone || cacheDir === undefined) return undefined;
    const own = upstreams.get(of.root) ?? openRepoSync({ ...env, cwd: of.root });
    lookOnly(own);
    upstreams.set(of.root, own);
    return own.cacheDir === of.cacheDir ? undefined : own;
  };
  const view = new RepoView({
    root,
    files: tree === undefined ? workspaceFiles(root) : commitFiles(tree),
    rev: commit,
    readManifest: (owner, one) => manifestOf(owner, upstream(owner), one, options),
    isProject,
    openProject: (at) => (at === root ? Promise.resolve(repo) : open(at)),
  });
  return { view, root, repo, git, commit, upstream };
}

async function manifestOf(
  owner: Repo,
  upstream: Repo | undefined,
  one: StageOutput,
  options: CallOptions,
): Promise<Tree | undefined> {
  const hash = recordedHash(one);
  if (hash === undefined || !isDirHash(hash.value)) return undefined;
  const cache = cacheFor(owner, hash);
  const here = cache.readTree(hash.value);
  if (here !== undefined) return here;
  const there = upstream === undefined ? undefined : cacheFor(upstream, hash).readTree(hash.value);
  if (there !== undefined) return there;
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const failures: Error[] = [];
  const fetched = await readManifest(owner, one, { ...call, onFailure: (error) => failures.push(error) });
  if (fetched !== undefined) return fetched;
  if (!isRepoImport(one.stage)) {
    // What it held can be told all the same, when a command has looked into it before.
    const known = owner.state.manifests.read(hash.value);
    if (known === undefined && failures[0] !== undefined) throw failures[0];
    return known;
  }
  const listed = await importedManifest(owner, one, call);
  if (listed?.oid === hash.value) return listed;
  await bringImport(owner, one, call);
  return cache.readTree(hash.value);
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

/** Makes sure that a source has a remote of that name: an import would record one that no tool finds. @throws {ConfigError} */
export function requireRemote(source: Repo | undefined, name: string | undefined): void {
  if (source !== undefined && name !== undefined && name !== "") resolveRemote(source, name);
}

/** What an import names, in the words of {@link openExternal}. `url` is usable from where the user is. */
export function importSource(repo: Repo, stage: Stage, source: RepoSource): { url: string; options: ExternalOptions } {
  const { remote, config } = source;
  const options: { -readonly [K in keyof ExternalOptions]: ExternalOptions[K] } = {
    cacheDir: repo.cacheDir,
    fromFile: true,
  };
  if (typeof config === "string") options.config = resolve(repo.env.cwd, config);
  else if (isRecord(config)) {
    const name = isRecord(config["core"]) ? config["core"]["remote"] : undefined;
    const remotes = config["remote"];
    if (typeof name === "string") {
      options.remote = name;
      const own = isRecord(remotes) ? remotes[name] : undefined;
      if (isRecord(own)) options.remoteConfig = textsOf(own);
    }
  }
  if (typeof remote === "string") options.remote = remote;
  else if (isRecord(remote)) options.remoteConfig = textsOf(remote);
  return { url: usableUrl(repo, stage, source.url), options };
}

function textsOf(record: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

/**
 * Brings the data of an import from another repository into the project's cache, as it is at the locked commit.
 * @returns what was found; its hash may differ from the recorded one when the source was not clean.
 * @throws {CloneError}, {ScmError}, {DvcError} `not-found` or `missing-object` when it is not there.
 */
export async function bringImport(repo: Repo, one: StageOutput, options: CallOptions): Promise<Built> {
  const { external, path } = await openSource(repo, one, options);
  try {
    return await bringData(repo, external, path, options);
  } finally {
    external.close();
  }
}

/** Opens where an import comes from, at the locked commit. */
async function openSource(
  repo: Repo,
  one: StageOutput,
  options: CallOptions,
): Promise<{ external: ExternalRepo; path: string }> {
  const [dep] = one.stage.deps;
  if (dep?.kind !== "repo") throw new DvcError(`'${one.out.defPath}' is not imported from a repository`);
  const source = importSource(repo, one.stage, dep.repo);
  const rev = dep.repo.revLock ?? dep.repo.rev;
  const at = { ...options, ...source.options, ...(rev === undefined ? {} : { rev }) };
  const env = { ...repo.env, importing: importing(repo, one, [source.url, rev ?? "", dep.defPath]) };
  return { external: await openExternal(env, source.url, at), path: dep.defPath };
}

/** The imports that this one is brought for, and itself: the source of an import may hold imports, one of them in a circle. @throws {DvcError} */
function importing({ env }: Repo, { out }: StageOutput, source: readonly string[]): readonly string[] {
  const [before, key] = [env.importing ?? [], source.join("\0")];
  if (before.includes(key)) {
    throw new DvcError(
      `'${out.defPath}' is imported in a circle: from '${String(source[0])}', which imports it itself`,
      {
        code: "graph",
        hint: "Nothing was brought. The circle has to be broken in that repository, by adding the data where it begins.",
      },
    );
  }
  if (before.length >= MAX_CHAIN) {
    throw new DvcError(`'${out.defPath}' is an import of an import, more than ${String(MAX_CHAIN)} times over`, {
      code: "graph",
      hint: "Nothing was brought. Import it from a repository that is nearer to the data.",
    });
  }
  return [...before, key];
}

/** The manifest of an imported folder as far as the source's own records tell it, without a look at the data. */
async function importedManifest(repo: Repo, one: StageOutput, options: CallOptions): Promise<Tree | undefined> {
  const { external, path } = await openSource(repo, one, options);
  try {
    const { isDir, files } = await sourceFiles(external, path);
    const entries = files.flatMap(({ rel, object }) =>
      object?.one.out.hash?.name === "md5" ? [{ relpath: rel, md5: object.oid }] : [],
    );
    return isDir && entries.length === files.length ? Tree.from(entries, external.root) : undefined;
  } finally {
    external.close();
  }
}

/** Brings a file or folder of another repository into the project's cache: every byte is hashed on its way. */
export async function bringData(
  repo: Repo,
  external: ExternalRepo,
  path: string,
  options: CallOptions,
): Promise<Built> {
  const files = await sourceFiles(external, path);
  return storeFiles(external, files, repo, { ...options, bring: bringImport });
}
