import type { CallOptions } from "../base/events.ts";
import { type Plot, plotsOf } from "../plots/chart.ts";
import { collectMoment, type PlotsMoment, type PlotsRevision } from "../plots/moment.ts";
import type { Problem } from "../plots/problem.ts";
import type { PlotProps } from "../plots/props.ts";
import { looking } from "../repo/looking.ts";
import type { Repo } from "../repo/repo.ts";
import { requireGit } from "../repo/revisions.ts";

export type { Plot, PlotProblem } from "../plots/chart.ts";
export type { PlotProps } from "../plots/props.ts";

export interface PlotsOptions extends CallOptions {
  /** Files, or patterns for the start of ids; all plots without any. */
  readonly targets?: readonly string[];
  /** Display properties that win over those of the definitions. */
  readonly props?: PlotProps;
  /** Told of the revisions of which something could not be read, if any, before charts are made. */
  readonly onUnreadable?: (revisions: readonly string[]) => void;
}

/** Plots, and what could not be read. */
export interface PlotsResult {
  readonly plots: readonly Plot[];
  /** False when no revision defines a plot. */
  readonly isAny: boolean;
  /** Revisions of which something could not be read. */
  readonly failedRevisions: readonly string[];
  /** Revisions that could not be read at all. */
  readonly revisionErrors: readonly (Problem & { readonly rev: string })[];
}

/**
 * The plots of the workspace.
 * @throws what is wrong with templates; files that can't be read are part of the result
 * @example const { plots } = await plotsShow(repo, { targets: ["loss.csv"] })
 */
export function plotsShow(repo: Repo, options: PlotsOptions = {}): Promise<PlotsResult> {
  return collect(repo, [{ name: "workspace", commit: undefined }], options);
}

/**
 * The plots of several revisions, each chart with all of them.
 * @param revisions none: HEAD and the workspace when that has changes; one: it and the workspace
 * @throws {ScmError} for an unknown revision
 */
export async function plotsDiff(
  repo: Repo,
  revisions: readonly string[],
  options: PlotsOptions = {},
): Promise<PlotsResult> {
  const git = requireGit(repo);
  if (git.head() === undefined) return { plots: [], isAny: false, failedRevisions: [], revisionErrors: [] };
  const names = [...revisions];
  if (names.length === 0 && git.status("no").isDirty) names.push("HEAD");
  if (names.length <= 1) names.push("workspace");
  const ordered = names.includes("workspace") ? ["workspace", ...names.filter((name) => name !== "workspace")] : names;
  const asked = [...new Set(ordered)].map((name) => ({
    name,
    commit: name === "workspace" ? undefined : git.resolveRev(name),
  }));
  return collect(repo, asked, options);
}

function collect(repo: Repo, revisions: readonly PlotsRevision[], options: PlotsOptions): Promise<PlotsResult> {
  return looking(repo, async () => {
    const moments: PlotsMoment[] = [];
    for (const revision of revisions) {
      const moment = await collectMoment(repo, revision, options);
      if (moment !== undefined) moments.push(moment);
    }
    const failedRevisions = moments.filter(({ hasErrors }) => hasErrors).map(({ name }) => name);
    if (failedRevisions.length > 0) options.onUnreadable?.(failedRevisions);
    return {
      plots: plotsOf(repo, moments, options.props ?? {}, options),
      isAny: moments.length > 0,
      failedRevisions,
      revisionErrors: moments.flatMap(({ name, error }) => (error === undefined ? [] : [{ rev: name, ...error }])),
    };
  });
}
