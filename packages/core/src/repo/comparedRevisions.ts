import type { Repo } from "./repo.ts";
import { requireGit } from "./revisions.ts";

/**
 * What to ask of Git to compare two revisions, of which one may be `workspace`; undefined before the first commit.
 * @throws {UsageError} without Git, in DVC's words.
 */
export function comparedRevisions(repo: Repo, older: string, newer: string): string[] | undefined {
  if (requireGit(repo).head() === undefined) return undefined;
  const revs = [older, newer];
  const workspace = revs.indexOf("workspace");
  if (workspace >= 0) revs.splice(workspace, 1);
  return revs;
}
