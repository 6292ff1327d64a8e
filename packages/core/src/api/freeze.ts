import type { CallOptions } from "../base/events.ts";
import { info } from "../base/events.ts";
import { relative } from "node:path";
import { setFrozen } from "../pipeline/save.ts";
import { withGitContext } from "../repo/gitContext.ts";
import { loadTargetStages } from "../repo/targets.ts";
import { withRepoLock } from "../repo/locks.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf } from "../repo/shown.ts";

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
  return withRepoLock(repo, options, () =>
    withGitContext(repo, options, (context) => {
      const stages = loadTargetStages(repo, target, { acceptGroup: false });
      for (const stage of stages) {
        if (stage.name !== undefined)
          info(options, `Modifying stage '${stage.name}' in '${relative(repo.env.cwd, stage.file)}'`);
        setFrozen(stage, frozen);
        context.track(stage.file);
      }
      return Promise.resolve({ frozen, stages: stages.map((stage) => addressOf(repo, stage)) });
    }),
  );
}
