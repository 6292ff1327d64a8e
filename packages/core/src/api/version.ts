import {
  copyFileSync,
  constants,
  existsSync,
  linkSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { arch, platform, release } from "node:os";
import { dirname, join } from "node:path";
import { NotDvcRepoError, ScmError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { type Environment, globalConfigDir, systemConfigDir } from "../base/platform.ts";
import { supportedProtocols } from "../fs/open.ts";
import { openRepo, type Repo } from "../repo/repo.ts";

/** How the program and its surroundings are. */
export interface VersionInfo {
  /** Node's version and the operating system. */
  readonly platform: string;
  /** Protocols of remotes that work. */
  readonly supports: readonly string[];
  readonly config: { readonly global: OsPath; readonly system: OsPath };
  /** Undefined outside of a project. */
  readonly project: ProjectInfo | "broken-git" | undefined;
}

/** How the project is set up. */
export interface ProjectInfo {
  /** Link types that work from the cache to the workspace, best first; undefined while there is no cache. */
  readonly cacheTypes: readonly string[] | undefined;
  /** File system and device; undefined while there is no cache. */
  readonly cacheDirectory: string | undefined;
  readonly caches: readonly string[];
  /** Protocol of each remote, in order. */
  readonly remotes: readonly string[];
  readonly workspaceDirectory: string;
  /** `dvc, git`, `dvc (subdir), git` or `dvc (no_scm)`. */
  readonly repo: string;
  readonly siteCacheDir: OsPath;
}

/** Collects what a bug report should hold. */
export async function versionInfo(env: Environment): Promise<VersionInfo> {
  return {
    platform: `Node ${process.versions.node} on ${platform()}-${release()}-${arch()}`,
    supports: supportedProtocols(),
    config: { global: globalConfigDir(env), system: systemConfigDir(env) },
    project: await projectInfo(env),
  };
}

async function projectInfo(env: Environment): Promise<VersionInfo["project"]> {
  try {
    const repo = await openRepo(env);
    try {
      return infoOf(repo);
    } finally {
      repo.close();
    }
  } catch (error) {
    if (error instanceof NotDvcRepoError) return undefined;
    if (error instanceof ScmError) return "broken-git";
    throw error;
  }
}

function infoOf(repo: Repo): ProjectInfo {
  const cache = repo.config.get("cache", "dir") ?? join(repo.dvcDir, "cache");
  const hasCache = existsSync(cache);
  return {
    cacheTypes: hasCache ? workingLinks(cache, repo.root) : undefined,
    cacheDirectory: hasCache ? fileSystemOf(cache) : undefined,
    caches: ["local"],
    remotes: repo.config.remoteNames().map((name) => protocolOf(repo.config.get(`remote.${name}`, "url") ?? "")),
    workspaceDirectory: fileSystemOf(repo.root),
    repo:
      repo.noScm || repo.git === undefined
        ? "dvc (no_scm)"
        : repo.git.root === repo.root
          ? "dvc, git"
          : "dvc (subdir), git",
    siteCacheDir: repo.siteDir,
  };
}

function protocolOf(url: string): string {
  return /^([a-z][\w+.-]*):\/\//i.exec(url)?.[1] ?? "local";
}

/** Tries each link type with a file of its own. */
function workingLinks(cache: OsPath, root: OsPath): string[] {
  const from = join(cache, `.link-test-${String(process.pid)}`);
  const to = join(root, `.link-test-${String(process.pid)}`);
  const ways: readonly (readonly [string, () => void])[] = [
    [
      "reflink",
      () => {
        copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE);
      },
    ],
    [
      "hardlink",
      () => {
        linkSync(from, to);
      },
    ],
    [
      "symlink",
      () => {
        symlinkSync(from, to);
      },
    ],
  ];
  try {
    writeFileSync(from, "link test");
    return ways.filter(([, make]) => works(make, to)).map(([name]) => name);
  } catch {
    return []; // the cache can't be written
  } finally {
    rmSync(from, { force: true });
  }
}

function works(make: () => void, to: OsPath): boolean {
  try {
    make();
    return true;
  } catch {
    return false;
  } finally {
    rmSync(to, { force: true });
  }
}

/** `ext4 on /dev/vda`, from the table of mounts where there is one. */
function fileSystemOf(path: OsPath): string {
  const mounts = mountTable();
  for (let at = realpathSync(path); ; at = dirname(at)) {
    const found = mounts.get(at);
    if (found !== undefined) return found;
    if (dirname(at) === at) return "unknown on none";
  }
}

function mountTable(): Map<string, string> {
  const file = "/proc/mounts";
  if (!existsSync(file)) return new Map();
  const decode = (text: string): string =>
    text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
  return new Map(
    readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .flatMap(([device, point, type]): [string, string][] =>
        type === undefined ? [] : [[decode(point ?? ""), `${type} on ${device ?? ""}`]],
      ),
  );
}
