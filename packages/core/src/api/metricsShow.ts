import type { CallOptions } from "../base/events.ts";
import { pyEquals } from "../formats/pyValues.ts";
import { isErrored, type RevisionValues, shownValues } from "../repo/fileValues.ts";
import { readMetrics } from "../repo/metricsValues.ts";
import type { Repo } from "../repo/repo.ts";

export type { FileValues, RevisionValues, ValueError } from "../repo/fileValues.ts";
export { compareCodePoints } from "../base/codePoints.ts";
export { flatten } from "../repo/valueDiff.ts";
export { valueText } from "../formats/valueText.ts";

/** Whose metrics to show. */
export interface MetricsShowOptions extends CallOptions {
  readonly allBranches?: boolean;
  readonly allTags?: boolean;
  readonly allCommits?: boolean;
}

/** Metrics by revision; paths relative to the working folder. Numbers may be `PyFloat`s (`1.0`), as JSON they are plain. */
export interface MetricsShowResult {
  readonly revisions: readonly RevisionValues[];
  /** Names of the revisions of which not everything could be read. */
  readonly failed: readonly string[];
}

/**
 * Reads the metrics of the workspace and of the revisions asked for: those of stages and of the top level of dvc.yaml, or
 * the files and folders given (relative to the working folder). Failures are part of the result. The workspace is left out
 * when it equals the branch that is checked out.
 * @example const { revisions } = await metricsShow(repo, [], { allTags: true })
 */
export async function metricsShow(
  repo: Repo,
  targets: readonly string[],
  options: MetricsShowOptions = {},
): Promise<MetricsShowResult> {
  const revisions = withoutEqualWorkspace(repo, await readMetrics(repo, targets, options));
  return {
    revisions: revisions.map((one) => shownValues(repo, one)),
    failed: revisions.filter(isErrored).map(({ name }) => name),
  };
}

function withoutEqualWorkspace(repo: Repo, read: readonly RevisionValues[]): readonly RevisionValues[] {
  const branch = repo.git?.currentBranch();
  const [workspace, active] = ["workspace", branch].map((name) => read.find((one) => one.name === name));
  if (branch === undefined || workspace === undefined || active === undefined || !areEqual(workspace, active))
    return read;
  return read.filter((one) => one !== workspace);
}

function areEqual(a: RevisionValues, b: RevisionValues): boolean {
  // In DVC no failure equals another one.
  if ("error" in a || "error" in b || a.files.length !== b.files.length) return false;
  const others = new Map(b.files.map((one) => [one.path, one]));
  return a.files.every((one) => {
    const other = others.get(one.path);
    return other !== undefined && "data" in one && "data" in other && pyEquals(one.data, other.data);
  });
}
