import { ScmError } from "../base/errors.ts";
import { type Index, loadIndex } from "../repo/index.ts";
import type { Repo } from "../repo/repo.ts";
import type { Git } from "../scm/git.ts";

/** A snapshot: one commit, by a name a person gave it. */
export interface FoundSnapshot {
  /** As asked for: a tag, a branch, a hash. */
  readonly name: string;
  readonly commit: string;
  readonly index: Index;
}

/**
 * The snapshot that a tag, a branch or any other revision names.
 * @throws {ScmError} for an unknown revision or without Git, {NotDvcRepoError} when the project is not in that commit.
 */
export function findSnapshot(repo: Repo, name: string): FoundSnapshot {
  const commit = snapshotGit(repo).resolveRev(name);
  return { name, commit, index: loadIndex(repo, { rev: commit }) };
}

/** The Git repository that snapshots live in. @throws {ScmError} for a project without Git. */
export function snapshotGit(repo: Repo): Git {
  if (repo.git !== undefined) return repo.git;
  const reason = repo.noScm ? " (core.no_scm is set)" : "";
  throw new ScmError(`snapshots are Git commits and tags, and this project does not use Git${reason}`, {
    hint: `To begin: 'git init' in ${repo.root}, then '${repo.env.programName} config core.no_scm false'.`,
  });
}
