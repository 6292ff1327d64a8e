import { relative } from "node:path";
import type { Environment } from "../base/platform.ts";
import { requireProjectRoot } from "../repo/projectRoot.ts";

/** Where the project is: `path` relative to the working folder ("." when that is it), `absolute` with links as they are. */
export interface RootResult {
  readonly path: string;
  readonly absolute: string;
}

/**
 * Finds the root of the project around the working folder.
 * @throws {NotDvcRepoError} when there is none
 * @example const { path } = projectRoot(env)
 */
export function projectRoot(env: Environment): RootResult {
  const absolute = requireProjectRoot(env.cwd);
  return { path: relative(env.cwd, absolute) || ".", absolute };
}
