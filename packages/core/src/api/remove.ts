import { existsSync, lstatSync } from "node:fs";
import { resolve } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { unprotectPath } from "../data/unprotect.ts";
import { removeStage } from "../pipeline/save.ts";
import type { Stage } from "../pipeline/stage.ts";
import { isRepoImport } from "../pipeline/stage.ts";
import { removeData } from "../repo/noteData.ts";
import { checkOutputPath } from "../repo/outputPath.ts";
import { type GitContext, withGitContext } from "../repo/gitContext.ts";
import { Keeper } from "../repo/keep.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, viewOf } from "../repo/shown.ts";
import { loadTargetStages } from "../repo/targets.ts";

export interface RemoveOptions extends CallOptions {
  /** Delete the data in the workspace too. */
  readonly outs?: boolean;
}

/** Addresses of the stages that are gone, in order. */
export interface RemoveResult {
  readonly removed: readonly string[];
}

/**
 * Stops tracking: deletes `.dvc` files or stages and their `.gitignore` lines. The data stays unless `outs`.
 * @throws {DvcError} at the first target that is none, with DVC's text.
 */
export async function remove(
  repo: Repo,
  targets: readonly string[],
  options: RemoveOptions = {},
): Promise<RemoveResult> {
  return changeRepo(repo, "remove", options, () =>
    withGitContext(repo, { ...options, untold: true }, async (context) => {
      const removed: string[] = [];
      const keeper = new Keeper(repo, "remove");
      for (const target of targets) {
        for (const stage of stagesOf(repo, target)) {
          await removeOuts(repo, stage, context, options.outs === true ? keeper : undefined, options);
          for (const file of removeStage(stage, viewOf(repo, options))) context.track(file);
          removed.push(addressOf(repo, stage));
        }
      }
      keeper.finish();
      return { removed };
    }),
  );
}

function stagesOf(repo: Repo, target: string): readonly Stage[] {
  try {
    return loadTargetStages(repo, target, { acceptGroup: false });
  } catch (error) {
    if (error instanceof DvcError && error.code === "not-found" && existsSync(resolve(repo.env.cwd, `${target}.dvc`))) {
      throw new DvcError(`'${target}' is not a .dvc file. Do you mean '${target}.dvc'?`, {
        cause: error,
        code: "not-found",
      });
    }
    throw error;
  }
}

async function removeOuts(
  repo: Repo,
  stage: Stage,
  context: GitContext,
  keeper: Keeper | undefined,
  options: CallOptions,
): Promise<void> {
  for (const out of stage.outs) {
    if (!out.isLocal) continue;
    checkOutputPath(repo, stage, out);
    if (keeper !== undefined) await removeData(repo, out, keeper, options);
    else if (out.useCache && lstatSync(out.path, { throwIfNoEntry: false }) !== undefined)
      unprotectPath(out.path, repo.root);
    if (out.useCache || isRepoImport(stage)) context.unignore(out.path);
  }
}
