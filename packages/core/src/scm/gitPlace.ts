import { existsSync } from "node:fs";
import { join } from "node:path";
import { ScmError } from "../base/errors.ts";
import type { Git } from "./git.ts";

/** Files in Git's folder that say that something is half done there. */
const UNDER_WAY = {
  MERGE_HEAD: "a merge",
  "rebase-merge": "a rebase",
  "rebase-apply": "a rebase",
  CHERRY_PICK_HEAD: "a cherry-pick",
  REVERT_HEAD: "a revert",
  BISECT_LOG: "a bisection",
} as const;

/** @throws {ScmError} in the middle of a merge, a rebase and the like, or with conflicts. */
export function refuseUnfinished(git: Git): void {
  for (const [name, what] of Object.entries(UNDER_WAY)) {
    if (!existsSync(join(git.gitDir, name))) continue;
    throw new ScmError(`${what} is under way in this Git repository`, { hint: "Finish or abort it first: git status" });
  }
  if (git.run(["ls-files", "--unmerged", "-z"], {}).stdout.length > 0)
    throw new ScmError("files with conflicts are in Git's index", { hint: "Solve them first: git status" });
}

/** @throws {ScmError} when Git would not take this as the name of a tag. */
export function checkTagName(git: Git, name: string): void {
  const { code } = git.run(["check-ref-format", `refs/tags/${name}`], { allow: [0, 1, 128, 129] });
  if (code !== 0 || name.startsWith("-") || name === "" || name === "HEAD")
    throw new ScmError(`'${name}' can't be the name of a Git tag`, { hint: "A good one: v1.0" });
}

/** Where a push goes. */
export interface PushTarget {
  readonly remote: string;
  /** `refs/heads/…` on the other side; undefined on no branch. */
  readonly branch: string | undefined;
}

/** Where `git push` would send the present branch. @throws {ScmError} when there is no remote, or several and none is chosen. */
export function pushTarget(git: Git): PushTarget {
  const branch = git.currentBranch();
  const of = (name: string): string | undefined =>
    branch === undefined ? undefined : git.config(`branch.${branch}.${name}`);
  const remotes = git
    .run(["remote"], {})
    .stdout.toString("utf8")
    .split("\n")
    .filter((name) => name !== "");
  const set = of("pushRemote") ?? git.config("remote.pushDefault") ?? of("remote");
  const remote = set ?? (remotes.includes("origin") ? "origin" : remotes.length === 1 ? remotes[0] : undefined);
  if (remote === undefined || remote.startsWith("-")) {
    const none = remotes.length === 0;
    throw new ScmError(none ? "there is no Git remote to push to" : "there are several Git remotes", {
      hint: none ? "Add one: git remote add origin URL" : "Choose one: git config remote.pushDefault NAME",
    });
  }
  if (branch === undefined) return { remote, branch: undefined };
  const merge = remote === of("remote") ? of("merge") : undefined;
  return { remote, branch: merge ?? `refs/heads/${branch}` };
}
