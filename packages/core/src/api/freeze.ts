import { basename } from "node:path";
import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { saveFrozen } from "../pipeline/save.ts";
import { withGitContext } from "../repo/gitContext.ts";
import { loadTargetStages } from "../repo/targets.ts";
import { changeRepo } from "../repo/change.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, viewOf } from "../repo/shown.ts";

/** Stages whose `frozen` was set, as addresses. */
export interface FreezeResult {
  readonly frozen: boolean;
  readonly stages: readonly string[];
}

/** Sets `frozen: true` on a stage or `.dvc` file: its dependencies no longer count. */
export function freeze(repo: Repo, target: string, options: CallOptions = {}): Promise<FreezeResult> {
  return change(repo, target, true, options);
}

/** Takes `frozen` away again. */
export function unfreeze(repo: Repo, target: string, options: CallOptions = {}): Promise<FreezeResult> {
  return change(repo, target, false, options);
}

function change(repo: Repo, target: string, frozen: boolean, options: CallOptions): Promise<FreezeResult> {
  return changeRepo(repo, frozen ? "freeze" : "unfreeze", options, () =>
    withGitContext(repo, { ...options, untold: true }, (context) => {
      const stages = loadTargetStages(repo, target, { acceptGroup: false });
      if (basename(target) === "dvc.yaml") {
        throw new DvcError(`Stage name not provided.Please specify the name as: \`${target}:stage_name\``);
      }
      for (const stage of stages) {
        for (const file of saveFrozen(stage, frozen, { ...viewOf(repo, options), keepMd5: true })) context.track(file);
      }
      return Promise.resolve({ frozen, stages: stages.map((stage) => addressOf(repo, stage)) });
    }),
  );
}
