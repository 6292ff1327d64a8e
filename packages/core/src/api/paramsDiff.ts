import type { CallOptions } from "../base/events.ts";
import { comparedRevisions } from "../repo/comparedRevisions.ts";
import { readParams } from "../repo/paramsValues.ts";
import type { Repo } from "../repo/repo.ts";
import { diffRevisions, type ValuesDiff } from "../repo/valueDiff.ts";

export { valueText } from "../formats/valueText.ts";
export type { FileChanges, ValueChange, ValuesDiff } from "../repo/valueDiff.ts";

/** What to compare. */
export interface ParamsDiffOptions extends CallOptions {
  /** Files and folders, relative to the project's root (as in DVC); default: all params of the project. */
  readonly targets?: readonly string[];
  /** Also what is equal. */
  readonly all?: boolean;
  /** Only what stages depend on. */
  readonly deps?: boolean;
}

/**
 * Compares the params of two revisions; `workspace` is one. Empty before the first commit. Without targets: what stages
 * depend on, the files of the top level of dvc.yaml, params.yaml, and the values that templates used.
 * @throws {ScmError} for an unknown revision, {UsageError} without Git.
 * @example const { files } = await paramsDiff(repo, "HEAD", "workspace", { deps: true })
 */
export async function paramsDiff(
  repo: Repo,
  older = "HEAD",
  newer = "workspace",
  options: ParamsDiffOptions = {},
): Promise<ValuesDiff> {
  const revs = comparedRevisions(repo, older, newer);
  if (revs === undefined) return { files: [], failed: [] };
  const { targets = [], all, deps, ...call } = options;
  const read = await readParams(repo, targets, { ...call, revs, depsOnly: deps === true });
  return diffRevisions(repo, read, { older, newer, all: all === true });
}
