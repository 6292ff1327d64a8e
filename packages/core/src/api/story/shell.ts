import { rmSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { DvcError } from "../../base/errors.ts";
import type { CallOptions } from "../../base/events.ts";
import type { OsPath } from "../../base/paths.ts";
import type { Environment } from "../../base/platform.ts";
import { makeFolders } from "../../fs/makeFolders.ts";

/** One command that was typed, and what became of it. */
export interface Ran {
  readonly command: string;
  /** Standard output and standard error, in the order they came. */
  readonly output: string;
  readonly exitCode: number;
  readonly seconds: number;
}

/** Runs commands as a person would type them: through `sh`, with `holdfast` on the path. */
export interface Shell {
  /** Resolves with the finished command. @throws {DvcError} when it exits with anything but 0, or takes over five minutes. */
  run(folder: OsPath, command: string): Promise<Ran>;
}

const LIMIT_MS = 300_000;

/** Makes `holdfast` a command in `bin` (a folder made anew) and returns a shell that finds it. */
export function openShell(env: Environment, bin: OsPath, binary: OsPath, options?: CallOptions): Shell {
  rmSync(bin, { recursive: true, force: true });
  makeFolders(bin);
  symlinkSync(binary, join(bin, "holdfast"));
  const path = [bin, dirname(process.execPath), env.env["PATH"] ?? ""].join(delimiter);
  // Settings of an outer Git command or npm run would send the story's commands to the wrong repository.
  const inherited = Object.entries(env.env).filter(
    ([name]) => !/^(GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX)|npm_|INIT_CWD$|DVC_ROOT$)/.test(name),
  );
  const childEnv = { ...Object.fromEntries(inherited), PATH: path, GIT_TERMINAL_PROMPT: "0", NO_COLOR: "1" };
  return { run: (folder, command) => runTyped(folder, command, childEnv, options) };
}

async function runTyped(folder: OsPath, command: string, env: NodeJS.ProcessEnv, options?: CallOptions): Promise<Ran> {
  const { spawn } = await import("node:child_process");
  const start = performance.now();
  const child = spawn("sh", ["-c", command], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
    ...(options?.signal === undefined ? {} : { signal: options.signal }),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => (output += text));
  }
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 255));
  });
  const ran = { command, output: output.trimEnd(), exitCode, seconds: (performance.now() - start) / 1000 };
  if (exitCode !== 0) {
    throw new DvcError(`\`${command}\` ended with exit code ${exitCode} in ${folder}:\n${ran.output}`, {
      code: "stage-run",
    });
  }
  return ran;
}
