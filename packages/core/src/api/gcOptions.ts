import { resolve } from "node:path";
import { UsageError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import type { RevisionOptions } from "../repo/revisions.ts";

/** What to keep, and where to clean. */
export interface GcOptions extends CallOptions, RevisionOptions {
  readonly workspace?: boolean;
  readonly rev?: string;
  readonly cloud?: boolean;
  readonly remote?: string;
  readonly notInRemote?: boolean;
  /** Paths of other projects whose objects stay. */
  readonly projects?: readonly string[];
  readonly force?: boolean;
  readonly dry?: boolean;
  readonly skipFailed?: boolean;
  readonly jobs?: number;
  /** Empty the trash at the end, whatever its age. */
  readonly purge?: boolean;
}

/**
 * Checks the options that exclude or need each other.
 * @throws {UsageError} with DVC's texts.
 */
export function checkGcOptions(options: GcOptions): void {
  const { cloud, notInRemote } = options;
  if (notInRemote === true && cloud === true)
    throw new UsageError("`--not-in-remote` and `--cloud` are mutually exclusive");
  const scopes = [options.workspace, options.allBranches, options.allTags, options.allCommits, options.allExperiments];
  if (
    !scopes.includes(true) &&
    options.rev === undefined &&
    options.num === undefined &&
    options.commitDate === undefined
  ) {
    throw new UsageError(
      "Either of `-w|--workspace`, `-a|--all-branches`, `-T|--all-tags` `--all-experiments`, `--all-commits`, `--date` or `--rev` needs to be set.",
    );
  }
  if (options.num !== undefined && options.rev === undefined && options.allBranches !== true) {
    throw new UsageError("`--num` can only be used alongside `--rev` or `--all-branches`");
  }
  if (options.num === 0) throw new UsageError("`num` is the number of commits to keep: 0 would keep none");
}

/** What is about to happen, in DVC's words; the caller shows it before it asks. */
export function gcWarning(options: GcOptions, cwd: string): string {
  let text = `This will remove all cache except items used in the workspace${scopeText(options)}`;
  if (options.allExperiments === true) text += " and all experiments";
  if (options.notInRemote === true) text += " that are not present in the DVC remote";
  const projects = options.projects ?? [];
  if (projects.length === 0) return `${text} of the current repo.`;
  return `${text} of the current and the following repos:${projects.map((path) => `\n  - ${resolve(cwd, path)}`).join("")}`;
}

function scopeText(options: GcOptions): string {
  if (options.allCommits === true) return " and all git commits";
  const last = options.num === undefined ? undefined : `last ${String(options.num)} commits from `;
  let text = "";
  if (options.allBranches === true && options.allTags === true) {
    text += last === undefined ? " and all git branches and tags" : ` and ${last}all git branches and all git tags`;
  } else if (options.allBranches === true) text += ` and ${last ?? ""}all git branches`;
  else if (options.allTags === true) text += " and all git tags";
  if (options.commitDate !== undefined) text += ` and all git commits before date ${options.commitDate}`;
  if (options.rev !== undefined) text += ` and last ${String(options.num ?? 1)} commits from ${options.rev}`;
  return text;
}
