import { warn } from "../base/events.ts";
import { UsageError } from "../base/errors.ts";
import { isVersionedImport, type StageStatus, stageStatus } from "../pipeline/changed.ts";
import { isRepoImport } from "../pipeline/stage.ts";
import { loadIndex } from "../repo/index.ts";
import { withRepoLock } from "../repo/locks.ts";
import { presentState } from "../repo/presentState.ts";
import type { Repo } from "../repo/repo.ts";
import { addressOf, shownStage } from "../repo/shown.ts";
import { lookAtStorage } from "./storageDependency.ts";
import type { StatusOptions, StatusResult } from "./statusTypes.ts";

export type { CloudStatus, StatusOptions, StatusResult, WorkspaceStatus } from "./statusTypes.ts";

/**
 * What differs between the records and the workspace, or between the cache and a remote.
 * @throws {UsageError} for options that only make sense with `cloud`.
 */
export async function status(
  repo: Repo,
  targets: readonly string[] = [],
  options: StatusOptions = {},
): Promise<StatusResult> {
  if (options.cloud === true || options.remote !== undefined) {
    const { cloudStatus } = await import("./cloudStatus.ts");
    return cloudStatus(repo, targets, options);
  }
  const ignored = [
    options.allBranches === true ? "--all-branches" : undefined,
    options.allTags === true ? "--all-tags" : undefined,
    options.allCommits === true ? "--all-commits" : undefined,
    (options.jobs ?? 0) === 0 ? undefined : "--jobs",
    options.deep === true ? "--deep" : undefined,
  ].filter((one) => one !== undefined);
  if (ignored.length > 0)
    throw new UsageError(`The following options are meaningless for local status: ${ignored.join(", ")}`);
  return withRepoLock(repo, { ...options, readOnly: true }, () => workspaceStatus(repo, targets, options));
}

async function workspaceStatus(repo: Repo, targets: readonly string[], options: StatusOptions): Promise<StatusResult> {
  const index = loadIndex(repo);
  const selected = index.collect(targets, {
    recursive: options.recursive === true,
    withDeps: options.withDeps === true,
  });
  const found: Record<string, StageStatus> = {};
  for (const { stage, out, within } of selected) {
    if (stage.frozen && !isRepoImport(stage) && !isVersionedImport(stage)) {
      warn(
        options,
        `${shownStage(repo, stage)} is frozen. Its dependencies are not going to be shown in the status output.`,
      );
    }
    const narrowed = out === undefined ? stage : { ...stage, outs: [out] };
    const present = await presentState(repo, narrowed, {
      ...options,
      checkUpdates: options.noUpdates !== true,
      outputStatesOnly: true,
      lookAt: (dep, call) => lookAtStorage(repo, dep, call),
      ...(within === undefined ? {} : { within }),
    });
    const changes = stageStatus(narrowed, present);
    if (changes.length > 0) found[addressOf(repo, stage)] = changes;
  }
  repo.state.save();
  return { kind: "workspace", status: found, isEmpty: Object.keys(found).length === 0 && index.stages.length === 0 };
}
