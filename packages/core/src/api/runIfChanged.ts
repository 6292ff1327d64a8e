import { info } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { Stage } from "../pipeline/stage.ts";
import type { GitContext } from "../repo/gitContext.ts";
import { checkPathLocks } from "../repo/pathLocks.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownStage } from "../repo/shown.ts";
import { findChanges, isChanged } from "./runChanges.ts";
import { pullStage } from "./runPull.ts";
import { pathsOf, runStage, type RunStageOptions } from "./runStage.ts";

/** How one step of a reproduction is made. */
export interface ReproduceOptions extends RunStageOptions {
  readonly interactive?: boolean;
  readonly confirm?: (question: string) => Promise<boolean>;
  /** The stages whose outputs this one reads, as they are after their turn. */
  readonly upstream: readonly Stage[];
}

/**
 * Runs a stage when something that counts has changed, or `force`. Returns it with its new records, to be saved; undefined
 * when it was up to date, or its missing data could be pulled.
 * @throws {DvcError} `reproduction aborted by the user`, and what running throws.
 */
export async function reproduceStage(
  repo: Repo,
  stage: Stage,
  context: GitContext,
  options: ReproduceOptions,
): Promise<Stage | undefined> {
  checkPathLocks(repo, pathsOf(stage), options);
  if (options.force !== true) {
    const { changes } = await findChanges(repo, stage, options);
    if (!isChanged(repo, stage, changes, options.allowMissing === true, options.upstream)) {
      const kind = stage.name === undefined && stage.cmd === undefined ? "" : "Stage ";
      info(options, `${kind}'${addressOf(repo, stage)}' didn't change, skipping`);
      options.beside?.onState("skipped");
      return undefined;
    }
    if (options.pull === true && !isChanged(repo, stage, changes, true, options.upstream)) {
      if (await pullStage(repo, stage, options)) {
        options.beside?.onState("restored");
        return undefined;
      }
    }
  }
  await askFirst(repo, stage, options);
  return runStage(repo, stage, context, options);
}

async function askFirst(repo: Repo, stage: Stage, options: ReproduceOptions): Promise<void> {
  if (options.interactive !== true && repo.config.flag("core", "interactive") !== true) return;
  const question = `Going to reproduce ${shownStage(repo, stage)}. Are you sure you want to continue?`;
  if ((await options.confirm?.(question)) !== true) throw new DvcError("reproduction aborted by the user");
}
