import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { CallOptions } from "../base/events.ts";
import { DvcError } from "../base/errors.ts";
import type { OsPath } from "../base/paths.ts";
import { parseYaml, updateYaml } from "../formats/yaml.ts";
import { readPlainText, writeFileAtomic } from "../fs/atomic.ts";
import { programIn } from "../fs/programs.ts";
import type { Git } from "../scm/git.ts";
import type { Repo } from "../repo/repo.ts";
import { makeFolders } from "../fs/makeFolders.ts";

export interface InstallOptions extends CallOptions {
  /** Write `.pre-commit-config.yaml` instead of hooks. */
  readonly usePreCommitTool?: boolean;
}

/** Files written, absolute. */
export interface InstallResult {
  readonly files: readonly string[];
}

const hooks = ["post-checkout", "pre-commit", "pre-push"] as const;
/** The release of the hooks' repository that the pre-commit entry names: the DVC that this tool is compatible with. */
const preCommitRev = "3.67.1";

/**
 * Installs Git hooks (checkout after checkout, status before commit, push before push) and the merge driver for `.dvc`
 * files. Does nothing without Git.
 * @throws {DvcError} when one of the hooks exists: nothing is written then.
 */
export async function install(repo: Repo, options: InstallOptions = {}): Promise<InstallResult> {
  const { git } = repo;
  if (git === undefined) return Promise.resolve({ files: [] });
  if (options.usePreCommitTool === true) {
    installDriver(repo, git);
    return { files: [writePreCommit(git.root)] };
  }
  refuseExisting(git);
  installDriver(repo, git);
  makeFolders(git.hooksDir);
  // DVC names the first one in the PATH.
  const shell = programIn(repo.env.env["PATH"], "sh") ?? "/bin/sh";
  return {
    files: hooks.map((hook) =>
      writeHook(join(git.hooksDir, hook), shell, `exec ${repo.env.programName} git-hook ${hook} $@\n`),
    ),
  };
}

function refuseExisting(git: Git): void {
  for (const hook of hooks) {
    if (existsSync(join(git.hooksDir, hook))) {
      throw new DvcError(
        `Hook '${hook}' already exists. Please refer to <https://man.dvc.org/install> for more info.`,
        { code: "exists" },
      );
    }
  }
}

function installDriver(repo: Repo, git: Git): void {
  git.setConfig("merge.dvc.name", "DVC merge driver");
  git.setConfig("merge.dvc.driver", `${repo.env.programName} git-hook merge-driver --ancestor %O --our %A --their %B `);
}

function writeHook(file: OsPath, shell: OsPath, line: string): string {
  writeFileAtomic(file, `#!${shell}\n${line}`);
  chmodSync(file, 0o777);
  return file;
}

function writePreCommit(root: string): string {
  const file = join(root, ".pre-commit-config.yaml");
  const before = readPlainText(file) ?? "";
  const config = (parseYaml(before, file) ?? {}) as Record<string, unknown>;
  const listed: unknown = config["repos"];
  const repos: unknown[] = Array.isArray(listed) ? listed : [];
  const entry = {
    repo: "https://github.com/treeverse/dvc",
    rev: preCommitRev,
    hooks: [
      preCommitHook("pre-commit", {}),
      preCommitHook("pre-push", {}),
      preCommitHook("post-checkout", { always_run: true }),
    ],
  };
  if (repos.some((one) => JSON.stringify(one) === JSON.stringify(entry))) return file;
  writeFileAtomic(file, updateYaml(before, { ...config, repos: [...repos, entry] }, file), { inside: root });
  return file;
}

function preCommitHook(stage: string, more: Record<string, unknown>): Record<string, unknown> {
  return {
    id: `dvc-${stage}`,
    additional_dependencies: [".[all]"],
    language_version: "python3",
    stages: [stage],
    ...more,
  };
}
