import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../base/platform.ts";
import { mergeDvcFiles } from "./mergeDriver.ts";

export { mergeDvcFiles };

/**
 * Whether Git's post-checkout hook should check data out: only when a revision (not a single file) was checked out, and
 * not in the middle of a rebase.
 * @param args what Git hands to the hook: previous HEAD, new HEAD, "1" for a revision
 */
export function postCheckoutApplies(env: Environment, args: readonly string[]): boolean {
  const flag = env.env["PRE_COMMIT_CHECKOUT_TYPE"] ?? args[2];
  return flag === "1" && !existsSync(join(env.cwd, ".git", "rebase-merge"));
}
