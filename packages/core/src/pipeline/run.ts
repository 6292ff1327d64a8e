import { basename } from "node:path";
import { StageRunError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { info } from "../base/events.ts";
import type { Viewpoint } from "./display.ts";
import { addressing } from "./display.ts";
import type { Stage } from "./stage.ts";

/** How a stage's command is run. */
export interface RunOptions extends CallOptions, Viewpoint {
  /** Environment of the command; `DVC_ROOT` is added unless it is there, `DVC_STAGE` always. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Print the commands, run nothing. */
  readonly dry?: boolean;
}

/** The commands of a stage, in order: the items of a list, or the lines of a text. */
export function commandsOf(stage: Stage): readonly string[] {
  const { cmd } = stage;
  if (cmd === undefined) return [];
  return typeof cmd === "string"
    ? cmd.split(/\r\n|[\n\r\v\f]/).filter((line, at, all) => line !== "" || at < all.length - 1)
    : cmd;
}

/** Program and arguments that run one command: the user's shell without its own configuration. */
export function shellCommand(command: string, shell: string): readonly [string, ...string[]] {
  const quiet: Readonly<Record<string, readonly string[]>> = { zsh: ["--no-rcs"], bash: ["--noprofile", "--norc"] };
  return [shell, ...(quiet[basename(shell).toLowerCase()] ?? []), "-c", command];
}

/**
 * Runs the commands of a stage in its `wdir`, one after the other, with the terminal's own input and output. An interrupt
 * reaches the command only; when `signal` aborts, the command is ended.
 * @throws {StageRunError} `failed to run: …, exited with N` for the first that fails; the rest do not run.
 */
export async function runStage(stage: Stage, options: RunOptions): Promise<void> {
  const name = addressing(stage, options);
  info(options, `Running stage '${name}':`);
  for (const command of commandsOf(stage)) {
    info(options, `> ${command}`);
    if (options.dry === true) continue;
    options.signal?.throwIfAborted();
    const status = await spawnCommand(command, stage, name, options);
    if (status !== 0) {
      throw new StageRunError(`failed to run: ${command}, exited with ${String(status)}`, {
        stage: name,
        exitCode: status,
      });
    }
  }
}

async function spawnCommand(command: string, stage: Stage, name: string, options: RunOptions): Promise<number> {
  const { spawn } = await import("node:child_process");
  const env: NodeJS.ProcessEnv = { ...options.env, DVC_ROOT: options.env["DVC_ROOT"] ?? options.root, DVC_STAGE: name };
  const own = options.env["SHELL"];
  const shell = own === undefined || own === "" ? "/bin/sh" : own;
  const common = {
    cwd: stage.wdir,
    env,
    stdio: "inherit",
    ...(options.signal ? { signal: options.signal } : {}),
  } as const;
  // An interrupt is the command's to handle: it may take its time to save its work.
  const handlers = process.listeners("SIGINT");
  const ignore = (): void => undefined;
  process.removeAllListeners("SIGINT");
  process.on("SIGINT", ignore);
  try {
    return await new Promise<number>((resolve, reject) => {
      const [program, ...args] = shellCommand(command, shell);
      const child =
        process.platform === "win32" ? spawn(command, { ...common, shell: true }) : spawn(program, args, common);
      child.on("error", reject);
      // As Python counts: a signal is a negative status.
      child.on("exit", (code, signal) => {
        resolve(code ?? -(signal === null ? 1 : (signals()[signal] ?? 1)));
      });
    });
  } finally {
    process.off("SIGINT", ignore);
    for (const handler of handlers) process.on("SIGINT", handler);
  }
}

function signals(): Readonly<Record<string, number>> {
  return process.getBuiltinModule("node:os").constants.signals;
}
