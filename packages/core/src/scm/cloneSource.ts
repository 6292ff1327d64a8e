import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { ScmError } from "../base/errors.ts";
import type { Environment } from "../base/platform.ts";
import { refuseOption, runGit } from "./gitProcess.ts";

/** @throws {ScmError} for `ext::`, `fd::` and other helpers of Git: they run programs, or wait for one. */
export function refuseHelpers(url: string): void {
  refuseOption(url, "Git URL");
  if (/^[\w+.-]+::/.test(url)) throw new ScmError(`bad Git URL '${url}'`);
}

/** What Git is to copy: a path as an absolute one. */
export function sourceOf(environment: Environment, url: string): string {
  if (/^[\w+.-]+:\/\//.test(url)) return url;
  const path = resolve(environment.cwd, url);
  return existsSync(path) ? path : url;
}

/** Whether the other end is a repository on this machine's disks. */
export function isLocal(source: string): boolean {
  return source.startsWith("file://") || isAbsolute(source);
}

/** The ssh program that the user's own settings of Git name is used: unlike a repository's, they are not kept out. */
export function withOwnSsh(environment: Environment, source: string): Environment {
  const { env, cwd } = environment;
  if (env["GIT_SSH_COMMAND"] !== undefined || env["GIT_SSH"] !== undefined || !isOverSsh(source)) return environment;
  const call = { cwd, allow: [0, 1, 128] };
  const own = ["--global", "--system"]
    .map((level) =>
      runGit(environment, ["config", level, "--get", "core.sshCommand"], call).stdout.toString("utf8").trim(),
    )
    .find((command) => command !== "");
  return own === undefined ? environment : { ...environment, env: { ...env, GIT_SSH_COMMAND: own } };
}

/** `ssh://…`, or `host:path` where it is no path here. */
function isOverSsh(source: string): boolean {
  return /^(git\+)?ssh(\+git)?:\/\//i.test(source) || /^[^/\\]+:/.test(source.replace(/^[\w+.-]+:\/\/.*/, ""));
}
