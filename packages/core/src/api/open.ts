import type { Environment } from "../base/platform.ts";
import { openRepo, type OpenOptions, type Repo } from "../repo/repo.ts";

export type { Environment, OpenOptions, Repo };

/**
 * Opens the project around the working folder.
 * @throws {NotDvcRepoError} when there is none
 * @example const repo = await openProject({ cwd: process.cwd(), env: process.env, home: homedir(), programName: "holdfast", pid: process.pid })
 */
export async function openProject(env: Environment, options: OpenOptions = {}): Promise<Repo> {
  return openRepo(env, options);
}
