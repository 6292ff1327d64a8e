import { UsageError } from "../base/errors.ts";
import { type CallOptions, warn } from "../base/events.ts";
import { isShallow } from "../scm/gitRoots.ts";
import type { Repo } from "./repo.ts";

/**
 * In a shallow clone branches, tags and commits are missing of which nobody knows what they need.
 * @throws {UsageError} unless it is forced; a dry run warns
 */
export function refuseShallow(
  repo: Repo,
  options: CallOptions & { readonly force?: boolean; readonly dry?: boolean },
): void {
  const { git } = repo;
  if (git === undefined || options.force === true || !isShallow(git)) return;
  const said = `'${git.root}' is a shallow clone: what the commits that it lacks need is not known`;
  if (options.dry === true) {
    warn(options, said);
    return;
  }
  throw new UsageError(said, {
    hint: "Nothing was removed. Get the history with 'git fetch --unshallow', or insist with '--force'.",
  });
}
