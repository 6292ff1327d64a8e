import { type CallOptions, info } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import { dependencyStates, isChecksumChanged } from "../pipeline/changed.ts";
import type { Output, Stage } from "../pipeline/stage.ts";
import type { GitContext } from "../repo/gitContext.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import { isInCache, presentState } from "../repo/presentState.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownPath } from "../repo/shown.ts";
import { runRepoImport, type RepoDependency } from "./import.ts";
import { runDbImport } from "./importDb.ts";
import { removeOutputs } from "./runRemove.ts";
import { checkoutOutputs } from "./runRestore.ts";
import { lookAtSource, runUrlImport } from "./urlImport.ts";

/** How an import is brought in again. */
export interface RunImportOptions extends CallOptions {
  readonly dry?: boolean;
  /** Get it from its source even when the cache has it. */
  readonly force?: boolean;
}

/**
 * Brings the data of an import into the workspace as it is locked: from the cache, else from its source. Returns the stage
 * to be saved.
 * @throws {DvcError} when the source is not there, or is of a kind that can't be read.
 */
export async function runImport(
  repo: Repo,
  stage: Stage,
  context: GitContext,
  options: RunImportOptions,
): Promise<Stage> {
  const [dep] = stage.deps;
  const [out] = stage.outs;
  if (dep === undefined || out === undefined) return stage;
  checkOutputPath(repo, stage, out);
  const isKept = options.force !== true && (await isCached(repo, stage, out, options));
  if (options.dry === true || isKept) info(options, `Importing '${shownPath(repo, dep)}' -> '${shownPath(repo, out)}'`);
  if (options.dry === true) return stage;
  if (isKept) {
    if (!stage.frozen) await removeOutputs(repo, { ...stage, outs: [out] }, options);
    await checkoutOutputs(repo, stage, [out], options);
    return stage;
  }
  if (dep.kind === "repo") return fromLockedCommit(repo, stage, dep, context, options);
  if (dep.kind === "file") return runUrlImport(repo, stage, dep, context, options);
  if (dep.kind === "db") return runDbImport(repo, stage, dep, context, { ...options, isForeign: true });
  throw new DvcError(`cannot import '${addressOf(repo, stage)}': imports of this kind are not supported`, {
    code: "unsupported",
  });
}

async function isCached(repo: Repo, stage: Stage, out: Output, options: CallOptions): Promise<boolean> {
  if (isChecksumChanged(stage) || out.hash === undefined || !isInCache(repo, out.hash)) return false;
  const present = await presentState(repo, stage, {
    ...options,
    checkUpdates: !stage.frozen,
    lookAt: (dep, call) => lookAtSource(repo, dep, call),
  });
  return Object.keys(dependencyStates(stage, present)).length === 0;
}

/** `update` alone moves an import to another commit. */
async function fromLockedCommit(
  repo: Repo,
  stage: Stage,
  dep: RepoDependency,
  context: GitContext,
  options: CallOptions,
): Promise<Stage> {
  const { rev, revLock } = dep.repo;
  const at: RepoDependency = revLock === undefined ? dep : { ...dep, repo: { ...dep.repo, rev: revLock } };
  const done = await runRepoImport(repo, stage, at, context, options);
  const deps = done.deps.map((one) => {
    if (one.kind !== "repo") return one;
    const { rev: _rev, ...source } = one.repo;
    return { ...one, repo: rev === undefined ? source : { ...source, rev } };
  });
  return { ...done, deps };
}
