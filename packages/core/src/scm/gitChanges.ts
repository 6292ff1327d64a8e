import type { RelPath } from "../base/paths.ts";
import type { Git } from "./git.ts";

/** What `git status` says of one path. */
export interface GitChange {
  /** Two letters: index beside HEAD, workspace beside index; `?` for a file that Git does not know. */
  readonly state: string;
  /** Of a submodule `S` and three more letters, else `N...`. */
  readonly module: string;
  /** From Git's top folder. */
  readonly path: RelPath;
}

/** All that differs from HEAD. `untracked`: also each file that Git neither knows nor ignores. */
export function gitChanges(git: Git, options: { readonly untracked: boolean }): GitChange[] {
  const untracked = options.untracked ? "all" : "no";
  const args = ["status", "--porcelain=v2", "-z", "--no-renames"];
  const { stdout } = git.run([...args, `--untracked-files=${untracked}`], {});
  return stdout
    .toString("utf8")
    .split("\0")
    .map(parseChange)
    .filter(({ path }) => path !== "");
}

/** `1 XY SUB MODE MODE MODE ID ID PATH`, `u XY SUB MODE MODE MODE MODE ID ID ID PATH` or `? PATH` (git-status, porcelain v2). */
function parseChange(line: string): GitChange {
  if (line.startsWith("? ")) return { state: "?", module: "", path: line.slice(2) };
  const [, state = "", module = ""] = line.split(" ", 3);
  const fields = line.startsWith("u ") ? 10 : 8;
  let at = 0;
  for (let n = 0; n < fields; n++) at = line.indexOf(" ", at) + 1;
  return { state, module, path: line.slice(at) };
}
