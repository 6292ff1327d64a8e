import { join } from "node:path";
import type { OsPath } from "../base/paths.ts";
import { type Environment, expandHome } from "../base/platform.ts";
import { IgnorePatterns } from "../formats/ignoreFile.ts";
import type { Git } from "../scm/git.ts";
import { diskRules, LayeredRules } from "./layeredRules.ts";

/**
 * Git's ignore rules for walks, without a child process: `.gitignore` files, `info/exclude` and the user's own file.
 * Whether a path is tracked all the same plays no part, as with DVC.
 */
export function gitIgnoreRules(git: Git, environment: Environment): LayeredRules {
  const { env, home } = environment;
  const xdg = env["XDG_CONFIG_HOME"] ?? join(home, ".config");
  const named = git.fileConfig().get("core.excludesfile");
  const personal = named === undefined ? join(xdg, "git", "ignore") : expandHome(named, home);
  const base: IgnorePatterns[] = [];
  for (const file of [personal, join(git.layout.commonDir, "info", "exclude")] satisfies OsPath[]) {
    const text = diskRules.readText(file);
    if (text !== undefined) base.push(new IgnorePatterns(text, file, true));
  }
  return new LayeredRules(git.root, ".gitignore", { base, skipFolder: (_, name) => name === ".git" });
}
