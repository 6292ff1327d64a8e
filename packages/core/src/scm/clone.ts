import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ScmError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import type { Environment } from "../base/platform.ts";
import { Git } from "./git.ts";
import { refuseOption, runGit } from "./gitProcess.ts";
import { findGitLayout } from "./gitRefs.ts";

/**
 * Copies a repository, without running anything that the copy's config may name. The working tree is written only when
 * `checkout` is set.
 * @throws {ScmError} with DVC's text; the reason is its cause.
 */
export function cloneRepository(
  environment: Environment,
  url: string,
  to: OsPath,
  options: { readonly branch?: string; readonly checkout?: boolean; readonly shallow?: boolean } = {},
): Git {
  refuseOption(url, "Git URL");
  // `ext::`, `fd::` and other helpers of Git: they run programs, or wait for one.
  if (/^[\w+.-]+::/.test(url)) throw new ScmError(`bad Git URL '${url}'`);
  const args = ["clone", "--quiet", "--no-recurse-submodules", "-c", "core.hooksPath=/dev/null"];
  if (options.checkout !== true) args.push("--no-checkout");
  if (options.branch !== undefined) args.push(`--branch=${options.branch}`);
  // Git ignores a depth for plain paths; elsewhere it saves the history.
  if (options.shallow === true) args.push("--depth=1");
  try {
    runGit(environment, [...args, "--", sourceOf(environment, url), to], { cwd: environment.cwd, untrusted: true });
  } catch (error) {
    throw new ScmError(`Failed to clone repo '${url}' to '${to}'`, { cause: plainReason(error, url) });
  }
  const layout = findGitLayout(to);
  if (layout?.root !== resolve(to)) throw new ScmError(`Failed to clone repo '${url}' to '${to}'`);
  return new Git(layout, environment, { untrusted: true });
}

function sourceOf(environment: Environment, url: string): string {
  if (/^[\w+.-]+:\/\//.test(url)) return url;
  const path = resolve(environment.cwd, url);
  return existsSync(path) ? path : url;
}

function plainReason(error: unknown, url: string): unknown {
  if (error instanceof ScmError && /does not (exist|appear to be a git repository)|not found/.test(error.message)) {
    return new ScmError(`No git repository was found at ${url}`);
  }
  return error;
}

/** Clones of other people's repositories, each made once and removed by `close`. */
export class CloneCache {
  readonly #environment: Environment;
  readonly #clones = new Map<string, Git>();
  readonly #folders: OsPath[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /**
   * A clone of `url` that knows `rev` (default: the source's own HEAD). A clone made before is brought up to date when
   * `rev` may have moved or is not in it.
   * @throws {ScmError}
   */
  open(url: string, rev?: string): Git {
    const known = this.#clones.get(url);
    if (known !== undefined) {
      if (rev === undefined || /^[0-9a-f]{40}$/.test(rev)) return known;
      known.run(["fetch", "--quiet", "--tags", "--force", "origin"], {});
      return known;
    }
    const folder = mkdtempSync(join(tmpdir(), "holdfast-clone-"));
    this.#folders.push(folder);
    const git = cloneRepository(this.#environment, url, folder);
    this.#clones.set(url, git);
    return git;
  }

  /** The commit that `rev` is in a clone: branches as the source has them now; without `rev` the source's HEAD. */
  static commit(git: Git, rev: string | undefined): string {
    if (rev === undefined) return git.ref("refs/remotes/origin/HEAD") ?? git.resolveRev("HEAD");
    return git.ref(`refs/remotes/origin/${rev}`) ?? git.resolveRev(rev);
  }

  /** Removes the clones from disk. */
  close(): void {
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true });
    this.#clones.clear();
  }
}
