import { UsageError } from "../base/errors.ts";
import type { Git } from "../scm/git.ts";
import type { Repo } from "./repo.ts";

/** Which revisions a verb looks at, beside the workspace. */
export interface RevisionOptions {
  readonly revs?: readonly string[];
  readonly allBranches?: boolean;
  readonly allTags?: boolean;
  readonly allCommits?: boolean;
  readonly allExperiments?: boolean;
  /** Keep commits since this day, `YYYY-MM-DD`. */
  readonly commitDate?: string;
  /** How many commits back from each of `revs` or each branch; negative: all. */
  readonly num?: number;
}

/** A revision to look at; `rev` is undefined for the workspace. Names of one commit are joined by ",". */
export interface Revision {
  readonly name: string;
  readonly rev: string | undefined;
}

/**
 * The workspace and every revision asked for, each commit once, in DVC's order: workspace, revs, branches, tags, commits.
 * @throws {ScmError} for an unknown revision.
 */
export function revisions(repo: Repo, options: RevisionOptions, workspace = true): Revision[] {
  const found = new Map<string, Set<string>>();
  const note = (sha: string, name: string): void => {
    const names = found.get(sha);
    if (names === undefined) found.set(sha, new Set([name]));
    else names.add(name);
  };
  if (asksForCommits(options)) collect(repo, options, note);
  const commits = [...found].map(([rev, names]) => ({ name: [...names].join(","), rev }));
  return workspace ? [{ name: "workspace", rev: undefined }, ...commits] : commits;
}

/** The project's Git repository. @throws {UsageError} without one, in DVC's words. */
export function requireGit(repo: Repo): Git {
  if (repo.git !== undefined) return repo.git;
  throw gitRequired();
}

/** DVC's text for what only a Git repository can do. */
export function gitRequired(): UsageError {
  return new UsageError(
    "Only supported for Git repositories. If you're seeing this error in a Git repo, try updating the DVC configuration with `dvc config core.no_scm false`.",
  );
}

function asksForCommits(options: RevisionOptions): boolean {
  return (
    (options.revs?.length ?? 0) > 0 ||
    options.allBranches === true ||
    options.allTags === true ||
    options.allCommits === true ||
    options.allExperiments === true ||
    options.commitDate !== undefined
  );
}

function collect(repo: Repo, options: RevisionOptions, note: (sha: string, name: string) => void): void {
  // As in DVC, where Git is not to be used there is the workspace only.
  if (repo.noScm) return;
  const git = requireGit(repo);
  for (const rev of options.revs ?? []) {
    const sha = git.resolveRev(rev);
    if (options.num === undefined || options.num === 1) note(sha, rev);
    else
      for (const [index, commit] of git.ancestors(sha, options.num).entries()) note(commit, index === 0 ? rev : commit);
  }
  if (options.allCommits === true) for (const sha of git.allCommits()) note(sha, sha);
  if (options.allBranches === true) {
    for (const [name, sha] of git.branches()) {
      if (options.num === undefined || options.num === 1) note(sha, name);
      else
        for (const [index, commit] of git.ancestors(sha, options.num).entries())
          note(commit, index === 0 ? name : commit);
    }
  }
  if (options.allTags === true) for (const [name, sha] of git.tags()) note(sha, name);
  if (options.commitDate !== undefined) for (const sha of git.commitsSince(options.commitDate)) note(sha, sha);
  if (options.allExperiments === true) for (const sha of git.experimentCommits()) note(sha, sha);
}
