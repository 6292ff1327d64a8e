import { type CallOptions, info } from "../base/events.ts";
import { DvcError, UsageError } from "../base/errors.ts";
import { type FileDependency, stageStatus } from "../pipeline/changed.ts";
import { saveStage } from "../pipeline/save.ts";
import { isImport, type Stage } from "../pipeline/stage.ts";
import { stageMd5 } from "../pipeline/stageMd5.ts";
import { importSource, openExternal } from "../repo/externalRepo.ts";
import { type GitContext, withGitContext } from "../repo/gitContext.ts";
import { loadIndex } from "../repo/index.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import { presentState } from "../repo/presentState.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, viewOf } from "../repo/shown.ts";
import { lockOf, type RepoDependency, runRepoImport } from "./import.ts";
import { type DbDependency, runDbImport } from "./importDb.ts";
import { lockDependency, openDependency, runUrlImport } from "./urlImport.ts";

/** How to update. */
export interface UpdateOptions extends CallOptions {
  /** Another revision of the source repositories, recorded from now on. */
  readonly rev?: string;
  readonly recursive?: boolean;
  readonly noDownload?: boolean;
  /** Send new data straight to a remote; only for imports from paths and URLs. */
  readonly toRemote?: boolean;
  readonly remote?: string;
  readonly jobs?: number;
}

/** `.dvc` files relative to the working folder. */
export interface UpdateResult {
  readonly updated: readonly string[];
  readonly unchanged: readonly string[];
}

/**
 * Brings imports up to date: those from repositories to the newest commit of their revision, others to what is at their
 * URL now. The workspace and the `.dvc` file change when all bytes are in the cache.
 * @throws {UsageError} for options that exclude each other, {DvcError} with DVC's texts.
 * @example await update(repo, ["data.dvc"], { rev: "v2" })
 */
export async function update(
  repo: Repo,
  targets: readonly string[],
  options: UpdateOptions = {},
): Promise<UpdateResult> {
  if (options.toRemote === true && options.noDownload === true)
    throw new UsageError("--to-remote can't be used with --no-download");
  if (options.toRemote !== true && options.remote !== undefined)
    throw new UsageError("--remote can't be used without --to-remote");
  return changeRepo(repo, "update", options, () =>
    withGitContext(repo, { ...options, untold: true }, async (context) => {
      const selected = loadIndex(repo).collect(targets, { recursive: options.recursive === true });
      const stages = [...new Set(selected.map(({ stage }) => stage))];
      const result = { updated: [] as string[], unchanged: [] as string[] };
      const others = stages.filter((stage) => !isImport(stage));
      for (const stage of stages.filter(isImport)) {
        const isChanged = await updateStage(repo, stage, context, options);
        (isChanged ? result.updated : result.unchanged).push(addressOf(repo, stage));
      }
      refuseOptions(others, options);
      for (const stage of others) {
        const { updateFromWorktree } = await import("./updateWorktree.ts");
        const isChanged = await updateFromWorktree(repo, stage, context, options);
        (isChanged ? result.updated : result.unchanged).push(addressOf(repo, stage));
      }
      repo.state.save();
      return result;
    }),
  );
}

/** What is no import is updated from a worktree remote, which takes none of these options. */
function refuseOptions(stages: readonly Stage[], options: UpdateOptions): void {
  if (stages.length === 0) return;
  const refuse = (option: string): never => {
    throw new UsageError(`${option} can't be used with worktree update`);
  };
  if (options.rev !== undefined) refuse("--rev");
  if (options.noDownload === true) refuse("--no-download");
  if (options.toRemote === true) refuse("--to-remote");
}

async function updateStage(repo: Repo, stage: Stage, context: GitContext, options: UpdateOptions): Promise<boolean> {
  const [dep] = stage.deps;
  const [out] = stage.outs;
  if (out === undefined || dep === undefined) return false;
  checkOutputPath(repo, stage, out);
  if (dep.kind === "repo") return updateFromRepo(repo, stage, dep, context, options);
  if (dep.kind === "file") return updateFromUrl(repo, stage, dep, context, options);
  if (dep.kind === "db") return updateFromDb(repo, stage, dep, context, options);
  throw new DvcError(`cannot update '${addressOf(repo, stage)}': imports of this kind are not supported`, {
    code: "unsupported",
  });
}

/** A database does not tell whether anything changed: the query is run again. */
async function updateFromDb(
  repo: Repo,
  stage: Stage,
  dep: DbDependency,
  context: GitContext,
  options: UpdateOptions,
): Promise<boolean> {
  if (options.toRemote === true) throw new UsageError("Data imported from databases can't be updated with --to-remote");
  if (options.noDownload === true) return unchanged(repo, stage, options);
  save(repo, await runDbImport(repo, stage, dep, context, { ...options, isForeign: true }), context, options);
  return true;
}

async function updateFromRepo(
  repo: Repo,
  stage: Stage,
  dep: RepoDependency,
  context: GitContext,
  options: UpdateOptions,
): Promise<boolean> {
  if (options.toRemote === true)
    throw new UsageError("Data imported from other DVC or Git repositories can't be updated with --to-remote");
  const rev = options.rev ?? dep.repo.rev;
  const wanted: RepoDependency = { ...dep, repo: { ...dep.repo, ...(rev === undefined ? {} : { rev }) } };
  const revLock = await newestCommit(repo, stage, wanted, options);
  const locked: RepoDependency = { ...wanted, repo: { ...wanted.repo, ...(revLock === undefined ? {} : { revLock }) } };
  if (!(await isChanged(repo, { ...stage, deps: [locked] }, options))) return unchanged(repo, stage, options);
  save(repo, await runRepoImport(repo, stage, wanted, context, options), context, options);
  return true;
}

async function newestCommit(
  repo: Repo,
  stage: Stage,
  dep: RepoDependency,
  options: CallOptions,
): Promise<string | undefined> {
  const { url, options: external } = importSource(repo, stage, dep.repo);
  const { rev } = dep.repo;
  const opened = await openExternal(repo.env, url, { ...options, ...external, ...(rev === undefined ? {} : { rev }) });
  const commit = lockOf(opened);
  opened.close();
  return commit;
}

async function updateFromUrl(
  repo: Repo,
  stage: Stage,
  dep: FileDependency,
  context: GitContext,
  options: UpdateOptions,
): Promise<boolean> {
  const place = await openDependency(repo, dep);
  let now: FileDependency;
  try {
    now = await lockDependency(repo, dep, place, options);
  } finally {
    await place.fs.close();
  }
  // A storage that tells no checksum can't be asked whether the file is still the same.
  const isSame =
    now.hash !== undefined && now.hash.value === dep.hash?.value && now.meta.versionId === dep.meta.versionId;
  if (isSame && options.toRemote !== true && !(await isChanged(repo, stage, options)))
    return unchanged(repo, stage, options);
  save(repo, await runUrlImport(repo, stage, dep, context, options), context, options);
  return true;
}

/** Whether the file's own checksum or its output differ from what is there, its source apart. */
async function isChanged(repo: Repo, stage: Stage, options: CallOptions): Promise<boolean> {
  if (stage.md5 !== stageMd5(stage)) return true;
  const frozen = { ...stage, frozen: true };
  return stageStatus(frozen, await presentState(repo, frozen, { ...options, outputStatesOnly: true })).length > 0;
}

function unchanged(repo: Repo, stage: Stage, options: CallOptions): false {
  info(options, `'${addressOf(repo, stage)}' didn't change, skipping`);
  return false;
}

function save(repo: Repo, stage: Stage, context: GitContext, options: CallOptions): void {
  for (const file of saveStage(stage, viewOf(repo, options))) context.track(file);
}
