import type { CallOptions } from "../base/events.ts";
import { info, warn } from "../base/events.ts";
import { CheckoutError, DvcError } from "../base/errors.ts";
import { relative } from "node:path";
import type { Stage } from "../pipeline/stage.ts";
import { loadIndex } from "../repo/index.ts";
import { openRemote } from "../repo/remote.ts";
import type { Repo } from "../repo/repo.ts";
import { pullRuns } from "../repo/runCache.ts";
import { addressOf, shownStage } from "../repo/shown.ts";
import { checkoutLocked } from "./checkout.ts";
import { fetchLocked } from "./fetch.ts";

/** Fetches and checks out the dependencies of a stage that are not there, as far as the project tracks them. */
export async function fetchMissing(repo: Repo, stage: Stage, options: CallOptions): Promise<void> {
  const index = loadIndex(repo);
  const targets = stage.deps.flatMap((dep) => {
    if (dep.kind !== "file" || !dep.isLocal || repo.workspace.exists(dep.path)) return [];
    return index.graph.outs.covering(dep.path) === undefined ? [] : [relative(repo.env.cwd, dep.path)];
  });
  if (targets.length === 0) return;
  await fetchLocked(repo, targets, options);
  await checkoutLocked(repo, targets, { ...options, durable: true });
}

/** Gets all outputs of a stage whose records are right and whose data is missing. False when some are nowhere. */
export async function pullStage(repo: Repo, stage: Stage, options: CallOptions): Promise<boolean> {
  info(options, `Pulling data for ${shownStage(repo, stage)}`);
  const target = addressOf(repo, stage);
  try {
    await fetchLocked(repo, [target], options);
    await checkoutLocked(repo, [target], { ...options, durable: true });
    return true;
  } catch (error) {
    if (!(error instanceof CheckoutError)) throw error;
    info(options, `Unable to pull data for ${shownStage(repo, stage)}`);
    return false;
  }
}

/** Copies the runs of the default remote's run cache; a project without a remote is told so. */
export async function pullRunCache(repo: Repo, options: CallOptions): Promise<void> {
  try {
    const remote = await openRemote(repo, undefined, options);
    try {
      await pullRuns(repo, remote, options);
    } finally {
      await remote.fs.close();
    }
  } catch (error) {
    if (!(error instanceof DvcError) || (error.code !== "no-remote" && error.code !== "unsupported")) throw error;
    warn(options, `Failed to pull run cache: ${error.message}`);
  }
}
