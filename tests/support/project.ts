import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Environment } from "../../packages/core/src/base/platform.ts";
import { type OpenOptions, openRepoSync, type Repo } from "../../packages/core/src/repo/repo.ts";

/** For tests: a folder with a Git repository and a project in it, and a user with a home of his own. */
export interface ProjectFixture {
  readonly root: string;
  readonly home: string;
  environment(extra?: Partial<Environment>): Environment;
  put(name: string, text: string): string;
  git(...args: string[]): string;
  open(options?: OpenOptions, extra?: Partial<Environment>): Repo;
  remove(): void;
}

/** Makes a fixture. `noProject` leaves out `.dvc`. */
export function makeProject(options: { readonly noProject?: boolean } = {}): ProjectFixture {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "hf-repo-")));
  const root = join(folder, "project");
  const home = join(folder, "home");
  mkdirSync(root);
  mkdirSync(home);
  const env = {
    PATH: process.env["PATH"],
    HOME: home,
    DVC_SYSTEM_CONFIG_DIR: join(folder, "system"),
    DVC_GLOBAL_CONFIG_DIR: join(home, ".config", "dvc"),
    GIT_CONFIG_NOSYSTEM: "1",
  };
  const fixture: ProjectFixture = {
    root,
    home,
    environment: (extra = {}) => ({ cwd: root, env, home, programName: "dvc", pid: process.pid, ...extra }),
    put(name, text) {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
    git: (...args) =>
      execFileSync("git", ["-c", "user.name=T", "-c", "user.email=t@example.org", ...args], {
        cwd: root,
        env: env,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      }).trim(),
    open: (open = {}, extra = {}) => openRepoSync(fixture.environment(extra), open),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
  fixture.git("init", "-q");
  if (options.noProject !== true) fixture.put(".dvc/config", "");
  return fixture;
}

/** Text of a `.dvc` file with one output. */
export function dvcText(path: string, md5 = "d41d8cd98f00b204e9800998ecf8427e"): string {
  return `outs:\n- md5: ${md5}\n  size: 0\n  hash: md5\n  path: ${path}\n`;
}
