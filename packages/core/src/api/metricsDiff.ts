import type { CallOptions } from "../base/events.ts";
import { comparedRevisions } from "../repo/comparedRevisions.ts";
import { readMetrics } from "../repo/metricsValues.ts";
import type { Repo } from "../repo/repo.ts";
import { diffRevisions, type ValuesDiff } from "../repo/valueDiff.ts";

export { valueText } from "../formats/valueText.ts";
export type { FileChanges, ValueChange, ValuesDiff } from "../repo/valueDiff.ts";

/** What to compare. */
export interface MetricsDiffOptions extends CallOptions {
  /** Files and folders, relative to the working folder; default: all metrics of the project. */
  readonly targets?: readonly string[];
  /** Also what is equal. */
  readonly all?: boolean;
}

/**
 * Compares the metrics of two revisions; `workspace` is one. Empty before the first commit.
 * @throws {ScmError} for an unknown revision, {UsageError} without Git.
 * @example const { files } = await metricsDiff(repo, "HEAD", "workspace")
 */
export async function metricsDiff(
  repo: Repo,
  older = "HEAD",
  newer = "workspace",
  options: MetricsDiffOptions = {},
): Promise<ValuesDiff> {
  const revs = comparedRevisions(repo, older, newer);
  if (revs === undefined) return { files: [], failed: [] };
  const { targets = [], all, ...call } = options;
  return diffRevisions(repo, await readMetrics(repo, targets, { ...call, revs }), { older, newer, all: all === true });
}
