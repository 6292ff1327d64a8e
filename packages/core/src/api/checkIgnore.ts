import { resolve } from "node:path";
import type { Repo } from "../repo/repo.ts";

/** What `.dvcignore` says of one path. */
export interface IgnoreAnswer {
  /** As it was asked for. */
  readonly path: string;
  readonly ignored: boolean;
  /** Rules that speak of the path, the deciding one last, as DVC prints them: `.dvcignore:1:*.log`. */
  readonly rules: readonly string[];
}

/**
 * Tells which paths the project leaves out, and by which rule. In the order of `targets`.
 * @example const [answer] = checkIgnored(repo, ["logs/run.log"])
 */
export function checkIgnored(repo: Repo, targets: readonly string[]): IgnoreAnswer[] {
  return targets.map((path) => {
    const { isIgnored, rule } = repo.ignore.check(resolve(repo.env.cwd, path));
    return { path, ignored: isIgnored, rules: rule === undefined ? [] : [rule] };
  });
}
