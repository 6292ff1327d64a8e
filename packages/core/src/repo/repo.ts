import { statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { DvcError, ScmError } from "../base/errors.ts";
import { type CallOptions, type Reporter, warn } from "../base/events.ts";
import { isInside, type OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { md5Bytes } from "../hash/md5.ts";
import { WorkspaceLinks } from "../data/editedLinks.ts";
import type { LinkType } from "../odb/linker.ts";
import { ObjectDb, TRASH_FOLDER } from "../odb/objectDb.ts";
import { QUARANTINE_FOLDER } from "../odb/quarantine.ts";
import { memoryState, openState, type State } from "../odb/state.ts";
import { type FileSource, type LoadContext, workspaceSource } from "../pipeline/source.ts";
import { Git } from "../scm/git.ts";
import { Config, type ConfigOverrides } from "./config.ts";
import { gitIgnoreRules } from "./gitIgnored.ts";
import { DvcIgnore } from "./ignore.ts";
import type { LayeredRules } from "./layeredRules.ts";
import { isLooking } from "./looking.ts";
import { storesAlone } from "./ownCache.ts";
import { checkOwnFolders } from "./ownFolders.ts";
import { findProjectRoot, requireProjectRoot } from "./projectRoot.ts";
import { checkCacheFolder, counts } from "./trust.ts";

export type { Environment } from "../base/platform.ts";

/** How to open a project. */
export interface OpenOptions extends CallOptions {
  /** Work from this folder instead of the working folder. */
  readonly cd?: string;
  /** Also without a `.dvc` folder: the Git repository's root, or the working folder, stands for the project. */
  readonly uninitialized?: boolean;
  /** Wait for locks without limit. */
  readonly waitForLock?: boolean;
  /** Folder of the cache, whatever the config says. */
  readonly cacheDir?: OsPath;
  /** A config file whose settings win over the project's own; relative to the working folder. */
  readonly configFile?: string;
  /** Name of the default remote. */
  readonly remote?: string;
  /** Options that win over those of the default remote. */
  readonly remoteConfig?: Readonly<Record<string, string>>;
}

/** An open project: where things are, and what is needed to work on them. Parts are opened when first asked for. */
export interface Repo {
  /** Top folder of the project. */
  readonly root: OsPath;
  /** `.dvc`. */
  readonly dvcDir: OsPath;
  /** `.dvc/tmp`: locks and other things that may be lost. */
  readonly tmpDir: OsPath;
  /** Holdfast's own facts about files: safe to delete, never shared with DVC. */
  readonly siteDir: OsPath;
  /** False when opened as `uninitialized` without a `.dvc` folder. */
  readonly isInitialized: boolean;
  readonly env: Environment;
  readonly config: Config;
  /** Undefined without Git, or when `core.no_scm` says not to use it. */
  readonly git: Git | undefined;
  readonly noScm: boolean;
  /** What Git ignores, for walks; undefined without Git. */
  readonly gitIgnored: LayeredRules | undefined;
  /** Folder of the cache, of both layouts and the run cache. */
  readonly cacheDir: OsPath;
  readonly cache: ObjectDb;
  /** Objects of DVC 2.x projects, in the same folder. */
  readonly legacyCache: ObjectDb;
  readonly state: State;
  readonly ignore: DvcIgnore;
  /** Reads the files of the workspace. */
  readonly workspace: FileSource;
  readonly loadContext: LoadContext;
  readonly waitForLock: boolean;
  /** Saves what was learnt. The record must not be used afterwards. */
  close(): void;
}

/**
 * Opens the project around the working folder.
 * @throws {NotDvcRepoError} with DVC's text, {ConfigError}, {ScmError} when Git is wanted and missing.
 */
export function openRepo(env: Environment, options: OpenOptions = {}): Promise<Repo> {
  return new Promise((done) => {
    done(openRepoSync(env, options));
  });
}

/** The same without a promise: nothing in it waits. */
export function openRepoSync(env: Environment, options: OpenOptions = {}): Repo {
  const environment = options.cd === undefined ? env : { ...env, cwd: changedFolder(env, options.cd) };
  const root = options.uninitialized === true ? findProjectRoot(environment.cwd) : requireProjectRoot(environment.cwd);
  const git = root === undefined ? Git.find(environment.cwd, environment) : undefined;
  return new OpenRepo(environment, root ?? git?.root ?? environment.cwd, root !== undefined, options);
}

function changedFolder(env: Environment, cd: string): OsPath {
  const folder = resolve(env.cwd, cd);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return folder;
  throw new DvcError(`[Errno 2] No such file or directory: '${cd}'`, { code: "not-found" });
}

function overridesOf(env: Environment, options: OpenOptions): ConfigOverrides | undefined {
  const { cacheDir, configFile, remote, remoteConfig } = options;
  if ([cacheDir, configFile, remote, remoteConfig].every((one) => one === undefined)) return undefined;
  return {
    ...(cacheDir === undefined ? {} : { sections: { cache: { dir: cacheDir } } }),
    ...(configFile === undefined ? {} : { file: resolve(env.cwd, configFile) }),
    ...(remote === undefined ? {} : { remote: remote.toLowerCase() }),
    ...(remoteConfig === undefined ? {} : { remoteOptions: remoteConfig }),
  };
}

class OpenRepo implements Repo {
  readonly root: OsPath;
  readonly dvcDir: OsPath;
  readonly tmpDir: OsPath;
  readonly isInitialized: boolean;
  readonly env: Environment;
  readonly config: Config;
  readonly git: Git | undefined;
  readonly noScm: boolean;
  readonly waitForLock: boolean;
  readonly workspace: FileSource = workspaceSource;
  readonly #reporter: Reporter | undefined;
  #state: State | undefined;
  #ignore: DvcIgnore | undefined;
  #gitIgnored: LayeredRules | undefined;
  #cache: ObjectDb | undefined;
  #legacyCache: ObjectDb | undefined;
  #siteDir: OsPath | undefined;
  #links: WorkspaceLinks | undefined;

  constructor(env: Environment, root: OsPath, isInitialized: boolean, options: OpenOptions) {
    this.env = env;
    this.root = root;
    this.dvcDir = join(root, ".dvc");
    this.tmpDir = join(this.dvcDir, "tmp");
    this.isInitialized = isInitialized;
    this.waitForLock = options.waitForLock === true;
    this.#reporter = options.reporter;
    const overrides = overridesOf(env, options);
    this.config = Config.load(env, {
      ...(isInitialized ? { dvcDir: this.dvcDir } : {}),
      ...(overrides === undefined ? {} : { overrides }),
      ...(options.reporter === undefined ? {} : { reporter: options.reporter }),
    });
    this.noScm = this.config.flag("core", "no_scm") === true;
    this.git = this.noScm ? undefined : Git.find(root, env);
    if (this.git === undefined && !this.noScm && isInitialized && options.uninitialized !== true) {
      throw new ScmError(`${root} is not a git repository`);
    }
  }

  get siteDir(): OsPath {
    if (this.isInitialized) checkOwnFolders(this);
    this.#siteDir ??= siteDirOf(this);
    return this.#siteDir;
  }

  get state(): State {
    this.#state ??= this.isInitialized ? openState(join(this.siteDir, "state")) : memoryState();
    return this.#state;
  }

  get ignore(): DvcIgnore {
    this.#ignore ??= new DvcIgnore(this.root);
    return this.#ignore;
  }

  get gitIgnored(): LayeredRules | undefined {
    if (this.git !== undefined) this.#gitIgnored ??= gitIgnoreRules(this.git, this.env);
    return this.#gitIgnored;
  }

  get cacheDir(): OsPath {
    const named = this.config.get("cache", "local");
    const url = named === undefined ? undefined : this.config.get(`remote.${named}`, "url");
    return url ?? this.config.get("cache", "dir") ?? join(this.dvcDir, "cache");
  }

  get cache(): ObjectDb {
    this.#cache ??= this.#openCache("3.x");
    return this.#cache;
  }

  get legacyCache(): ObjectDb {
    this.#legacyCache ??= this.#openCache("legacy");
    return this.#legacyCache;
  }

  #openCache(layout: "3.x" | "legacy"): ObjectDb {
    const { config } = this;
    if (this.isInitialized) checkCacheFolder(this);
    const types = config.list("cache", "type");
    return new ObjectDb(this.cacheDir, {
      layout,
      state: this.state,
      ...(types === undefined ? {} : { linkTypes: types as LinkType[] }),
      ...(config.get("cache", "shared")?.toLowerCase() === "group" ? { shared: "group" as const } : {}),
      ...(config.flag("cache", "verify") === true ? { verify: true } : {}),
      ...(isInside(this.dvcDir, this.cacheDir)
        ? {
            quarantine: join(this.tmpDir, QUARANTINE_FOLDER),
            trash: join(this.tmpDir, TRASH_FOLDER),
            isOwn: () => storesAlone(this),
          }
        : {}),
      damage: { isLeft: () => isLooking(this), free: (object) => this.#freeLinks(object) },
      ...(this.#reporter === undefined ? {} : { reporter: this.#reporter }),
    });
  }

  #freeLinks(object: OsPath): readonly OsPath[] {
    this.#links ??= new WorkspaceLinks(this.root);
    return this.#links.free(object);
  }

  get loadContext(): LoadContext {
    const { config } = this;
    const bool = config.get("parsing", "bool");
    const list = config.get("parsing", "list");
    return {
      root: this.root,
      cwd: this.env.cwd,
      parsing: {
        ...(bool === "boolean_optional" || bool === "store_true" ? { bool } : {}),
        ...(list === "append" || list === "nargs" ? { list } : {}),
      },
      remoteUrl: (name) => config.get(`remote.${name.toLowerCase()}`, "url"),
      warn: (text) => {
        if (this.#reporter !== undefined) warn({ reporter: this.#reporter }, text);
      },
    };
  }

  close(): void {
    this.#state?.save();
  }
}

/** Beside the project's other temporary things, or where the user wants such things to be, apart by project. */
function siteDirOf(repo: Repo): OsPath {
  const named = repo.config.lookup("core", "site_cache_dir");
  // Facts about files can lie anywhere: what a stranger's config says of it is passed over.
  const isOwn = named !== undefined && counts(repo, "core.site_cache_dir", named.level);
  const set = repo.env.env["DVC_SITE_CACHE_DIR"] || (isOwn ? named.value : undefined);
  if (set === undefined || set === "") return join(repo.tmpDir, "holdfast");
  const token = md5Bytes(Buffer.from(repo.root));
  return join(isAbsolute(set) ? set : resolve(repo.env.cwd, set), "holdfast", token);
}
