import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { DvcError, UsageError } from "../base/errors.ts";
import { warn } from "../base/events.ts";
import { isInside, type OsPath, posixRelative } from "../base/paths.ts";
import { requireKnownUrl } from "../fs/open.ts";
import type { FileDependency } from "../pipeline/changed.ts";
import { locate, schemeOf } from "../pipeline/location.ts";
import { nothingRecorded } from "../pipeline/record.ts";
import type { Stage } from "../pipeline/stage.ts";
import { withGitContext } from "../repo/gitContext.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { type AddedStage, addedStage } from "./addedStage.ts";
import { type ImportOptions, saveImport } from "./import.ts";
import { newImport, importOutput } from "./importPlace.ts";
import { runUrlImport } from "./urlImport.ts";
import type { FsConfig } from "./urlSource.ts";
import { asksForVersions, hasVersions, requireVersions } from "./urlVersions.ts";

/** How to import from a path or URL. */
export interface UrlImportOptions extends ImportOptions {
  readonly toRemote?: boolean;
  /** With `toRemote`: its name. */
  readonly remote?: string;
  readonly versionAware?: boolean;
  /** Options of the storage; recorded. */
  readonly fsConfig?: FsConfig;
}

/**
 * Copies a file or folder from a path, `remote://name/path` or URL and tracks it, with the checksum of its source.
 * @throws {UsageError} for options that exclude each other, {DvcError} with DVC's texts, {StorageError}
 * @example await importUrl(repo, "/mnt/scans", { out: "data" })
 */
export async function importUrl(repo: Repo, url: string, options: UrlImportOptions = {}): Promise<AddedStage> {
  checkOptions(options);
  return changeRepo(repo, "import-url", options, () =>
    withGitContext(repo, options, async (context) => {
      const chosen = importOutput(repo, "import-url", url, options.out, options.force === true);
      const made = newImport(repo, chosen, (wdir) => [dependencyOn(repo, url, wdir, options)]);
      const [dep] = made.deps;
      let done = made;
      if (options.noExec === true) context.ignore(resolve(repo.env.cwd, chosen));
      else if (dep?.kind === "file")
        done = keptThere(repo, await runUrlImport(repo, made, dep, context, options), options);
      saveImport(repo, done, context, { ...options, keepMd5: options.noExec === true });
      repo.state.save();
      const [out] = done.outs;
      if (out === undefined) throw new DvcError(`'${url}' has no output`);
      return addedStage(repo, done, out);
    }),
  );
}

function checkOptions(options: UrlImportOptions): void {
  const { toRemote, noExec, noDownload, versionAware } = options;
  if (toRemote === true && (noExec === true || noDownload === true || versionAware === true)) {
    throw new UsageError("--no-exec/--no-download/--version-aware cannot be combined with --to-remote");
  }
  if (toRemote !== true && options.remote !== undefined)
    throw new UsageError("--remote can't be used without --to-remote");
}

/** What a storage keeps in versions comes from there again: no remote need have it. What it only might keep is pushed. */
function keptThere(repo: Repo, stage: Stage, options: UrlImportOptions): Stage {
  const [dep] = stage.deps;
  const isAsked = options.toRemote !== true && dep?.kind === "file" && asksForVersions(repo, dep) === true;
  if (!isAsked) return stage;
  if (hasVersions(dep)) return { ...stage, outs: stage.outs.map((out) => ({ ...out, canPush: false })) };
  if (!dep.isLocal) warn(options, `'${dep.defPath}' has no versions: its data is pushed to your remote.`);
  return stage;
}

function dependencyOn(repo: Repo, url: string, wdir: OsPath, options: UrlImportOptions): FileDependency {
  requireKnownUrl(url);
  const location = locate(written(repo, url, wdir), wdir, repo.loadContext);
  const recorded = nothingRecorded(location);
  const { fsConfig, versionAware } = options;
  const config = { ...fsConfig, ...(versionAware === true ? { version_aware: true } : {}) };
  const extra = fsConfig === undefined && versionAware !== true ? {} : { fs_config: config };
  const dep: FileDependency = { kind: "file", ...location, ...recorded, extra };
  if (versionAware === true) requireVersions(repo, dep);
  return dep;
}

/** Relative paths are written relative to where the `.dvc` file is, whatever folder they were typed in. */
function written(repo: Repo, url: string, wdir: OsPath): string {
  if (schemeOf(url) !== undefined) return url;
  const path = resolve(repo.env.cwd, url);
  if (isInside(repo.root, path) && existsSync(path)) return posixRelative(wdir, path);
  return isAbsolute(url) || wdir === repo.env.cwd ? url : posixRelative(wdir, path);
}
