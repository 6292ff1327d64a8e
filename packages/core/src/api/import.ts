import { type CallOptions, info } from "../base/events.ts";
import { loadDvcFile } from "../pipeline/load.ts";
import { saveStage } from "../pipeline/save.ts";
import type { Dependency, RepoSource, Stage } from "../pipeline/stage.ts";
import { bringData, type ExternalRepo, importSource, openExternal, requireRemote } from "../repo/externalRepo.ts";
import { type GitContext, withGitContext } from "../repo/gitContext.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { gitRequired } from "../repo/revisions.ts";
import { shownPath, viewOf } from "../repo/shown.ts";
import { type AddedStage, addedStage } from "./addedStage.ts";
import { newImport, placeBuilt, removePresent, importOutput, withBuilt } from "./importPlace.ts";

/** What imports of all kinds share. */
export interface ImportOptions extends CallOptions {
  /** Path here; into it when it is a folder. Default: the name that it has there. */
  readonly out?: string;
  readonly force?: boolean;
  /** Only write the `.dvc` file: nothing is looked up. */
  readonly noExec?: boolean;
  /** Lock the version, but leave the data where it is; `pull` gets it. */
  readonly noDownload?: boolean;
  readonly jobs?: number;
}

/** How to import from another repository. */
export interface RepoImportOptions extends ImportOptions {
  readonly rev?: string;
  /** A config file merged into the other repository's own; recorded as given. */
  readonly config?: string;
  /** Name of the default remote there; recorded. */
  readonly remote?: string;
  /** Options merged into that remote; recorded. */
  readonly remoteConfig?: Readonly<Record<string, string>>;
}

/** The kind of dependency that an import from a repository has. */
export type RepoDependency = Extract<Dependency, { kind: "repo" }>;

/**
 * Copies a file or folder out of another repository (tracked data or Git's files) and tracks it, with the commit it came
 * from. A local folder without `rev` is read as it is now. All bytes are in the cache before the workspace changes.
 * @throws {CloneError}, {DvcError} with DVC's texts; `not-found` when it is not there.
 * @example await importData(repo, "https://example.com/registry.git", "data/digits", { rev: "v1" })
 */
export async function importData(
  repo: Repo,
  url: string,
  path: string,
  options: RepoImportOptions = {},
): Promise<AddedStage> {
  const source = sourceOf(url, options);
  return changeRepo(repo, "import", options, () =>
    withGitContext(repo, options, async (context) => {
      const out = importOutput(repo, "import", path, options.out, options.force === true);
      const dep: RepoDependency = { kind: "repo", defPath: path, repo: source, extra: {} };
      const stage = newImport(repo, out, () => [dep]);
      const done =
        options.noExec === true ? ignored(stage, context) : await runRepoImport(repo, stage, dep, context, options);
      saveImport(repo, done, context, { ...options, keepMd5: options.noExec === true });
      return addedStage(repo, done, done.outs[0] ?? stage.outs[0]!);
    }),
  );
}

/** The `repo` entry as DVC writes it. */
function sourceOf(url: string, options: RepoImportOptions): RepoSource {
  const { rev, config, remote, remoteConfig } = options;
  if (remote !== undefined && remoteConfig !== undefined) {
    if (config !== undefined)
      throw new TypeError("Can't specify config path together with both remote and remote_config");
    const merged = { core: { remote }, remote: { [remote]: { ...remoteConfig } } };
    return { url, ...(rev === undefined ? {} : { rev }), config: merged };
  }
  const used = remote ?? (remoteConfig === undefined ? undefined : { ...remoteConfig });
  return {
    url,
    ...(rev === undefined ? {} : { rev }),
    ...(config === undefined ? {} : { config }),
    ...(used === undefined ? {} : { remote: used }),
  };
}

function ignored(stage: Stage, context: GitContext): Stage {
  for (const out of stage.outs) context.ignore(out.path);
  return stage;
}

/** Locks the source's commit and, unless told otherwise, brings the data into cache and workspace. */
export async function runRepoImport(
  repo: Repo,
  stage: Stage,
  dep: RepoDependency,
  context: GitContext,
  options: ImportOptions,
): Promise<Stage> {
  const [out] = stage.outs;
  if (out === undefined) return stage;
  info(options, `Importing '${dep.defPath} (${dep.repo.url})' -> '${shownPath(repo, out)}'`);
  const { url, options: external } = importSource(repo, stage, dep.repo);
  const { rev } = dep.repo;
  const opened = await openExternal(repo.env, url, { ...options, ...external, ...(rev === undefined ? {} : { rev }) });
  try {
    requireRemote(opened.repo, external.remote);
    const revLock = lockOf(opened);
    if (opened.git === undefined) throw gitRequired();
    const locked: RepoDependency = { ...dep, repo: { ...dep.repo, ...(revLock === undefined ? {} : { revLock }) } };
    if (options.noDownload === true) {
      context.ignore(out.path);
      await removePresent(repo, out, options);
      return { ...stage, deps: [locked], outs: [{ ...out, hash: undefined, meta: {} }] };
    }
    const built = await bringData(repo, opened, dep.defPath, options);
    await placeBuilt(repo, out, built, options);
    context.ignore(out.path);
    return { ...stage, deps: [locked], outs: [withBuilt(out, built)] };
  } finally {
    opened.close();
  }
}

/** The commit that an import is locked to; of a working tree its HEAD. */
export function lockOf(external: ExternalRepo): string | undefined {
  return external.commit ?? external.git?.head();
}

/** Writes the `.dvc` file of a new import in place of any that is there. */
export function saveImport(
  repo: Repo,
  stage: Stage,
  context: GitContext,
  options: CallOptions & { readonly keepMd5?: boolean },
): void {
  saveStage(withNotesOf(repo, stage), viewOf(repo, options));
  context.track(stage.file);
}

/** What a person noted in the file that the import replaces stays: descriptions, types, labels, and the like. */
function withNotesOf(repo: Repo, stage: Stage): Stage {
  if (!repo.workspace.isFile(stage.file)) return stage;
  const old = loadDvcFile(stage.file, repo.workspace, repo.loadContext);
  const outs = stage.outs.map((out) => {
    const before = old.outs.find(({ path }) => path === out.path);
    if (before === undefined) return out;
    return { ...out, annotation: before.annotation, remote: before.remote, canPush: before.canPush };
  });
  return { ...stage, desc: old.desc, meta: old.meta, outs };
}
