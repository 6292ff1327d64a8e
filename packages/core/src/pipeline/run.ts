import type { ChildProcess, SpawnOptions } from "node:child_process";
import { basename } from "node:path";
import { StageRunError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import { info } from "../base/events.ts";
import { startGuarded, throwIfInterrupted } from "./children.ts";
import type { Viewpoint } from "./display.ts";
import { addressing } from "./display.ts";
import { LineCutter } from "./lines.ts";
import type { Stage } from "./stage.ts";

/** How a stage's command is run. */
export interface RunOptions extends CallOptions, Viewpoint {
  /** Environment of the command; `DVC_ROOT` is added unless it is there, `DVC_STAGE` always. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Print the commands, run nothing. */
  readonly dry?: boolean;
  /**
   * Takes the lines that the commands print. They have no standard input and a process group of their own then. Without it
   * they have the terminal's own input and output.
   */
  readonly onLine?: (stream: "stdout" | "stderr", line: string) => void;
  /** What the commands print on standard output goes to standard error. */
  readonly stdoutToStderr?: boolean;
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
 * Runs the commands of a stage in its `wdir`, one after the other. An interrupt reaches the commands only; when `signal`
 * aborts, the command is ended.
 * @throws {StageRunError} `failed to run: …, exited with N` for the first that fails; the rest do not run.
 */
export async function runStage(stage: Stage, options: RunOptions): Promise<void> {
  const name = addressing(stage, options);
  info(options, `Running stage '${name}':`);
  for (const command of commandsOf(stage)) {
    info(options, `> ${command}`);
    if (options.dry === true) continue;
    options.signal?.throwIfAborted();
    throwIfInterrupted();
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
  const [program, ...args] = shellCommand(command, own === undefined || own === "" ? "/bin/sh" : own);
  const isGroup = options.onLine !== undefined;
  const common: SpawnOptions = {
    cwd: stage.wdir,
    env,
    stdio: isGroup
      ? ["ignore", "pipe", "pipe"]
      : ["inherit", options.stdoutToStderr === true ? 2 : "inherit", "inherit"],
    ...(isGroup ? { detached: process.platform !== "win32" } : {}),
  };
  const child = startGuarded(
    () => (process.platform === "win32" ? spawn(command, { ...common, shell: true }) : spawn(program, args, common)),
    { isGroup, ...(options.signal ? { signal: options.signal } : {}) },
  );
  const printed = readLines(child, options);
  const status = await exitOf(child);
  await printed;
  options.signal?.throwIfAborted();
  return status;
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    // As Python counts: a signal is a negative status.
    child.once("exit", (code, signal) => {
      resolve(code ?? -(signal === null ? 1 : (signals()[signal] ?? 1)));
    });
  });
}

/** How long after its end a command's last lines are waited for, in ms: what it left running may hold the pipe open. */
const LAST_LINES_MS = 500;

/** Resolves when all is read, or soon after the command has ended. */
async function readLines(child: ChildProcess, { onLine }: RunOptions): Promise<void> {
  if (onLine === undefined) return;
  const cutters = (["stdout", "stderr"] as const).map((name) => {
    const cutter = new LineCutter((line) => {
      onLine(name, line);
    });
    child[name]?.on("data", (bytes: Buffer) => {
      cutter.write(bytes);
    });
    return cutter;
  });
  await new Promise<void>((resolve) => {
    child.once("close", () => {
      resolve();
    });
    child.once("error", () => {
      resolve();
    });
    child.once("exit", () => setTimeout(resolve, LAST_LINES_MS).unref());
  });
  child.stdout?.destroy();
  child.stderr?.destroy();
  for (const cutter of cutters) cutter.end();
}

function signals(): Readonly<Record<string, number>> {
  return process.getBuiltinModule("node:os").constants.signals;
}
