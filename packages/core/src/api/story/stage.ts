import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../base/errors.ts";
import { info, type CallOptions } from "../../base/events.ts";
import type { OsPath } from "../../base/paths.ts";
import type { Ran, Shell } from "./shell.ts";

const SHOWN_LINES = 14;

/** How the story is played. */
export interface DemoOptions extends CallOptions {
  /** The exemplar's files, as packed with the program. */
  readonly exemplar: OsPath;
  /** The program that the story's commands call `holdfast`. */
  readonly binary: OsPath;
  /** `folder` (default): beside the story, nothing but this machine. `s3`: the remote of the committed configuration. */
  readonly remote?: "folder" | "s3";
  /** With `s3`: another bucket or prefix than the committed one. */
  readonly url?: string;
  readonly endpointUrl?: string;
  readonly region?: string;
  readonly profile?: string;
}

/** Everything the acts of the story share. */
export interface Stage {
  readonly dir: OsPath;
  readonly project: OsPath;
  readonly clone: OsPath;
  readonly origin: OsPath;
  /** The folder that stands in for S3. */
  readonly store: OsPath;
  readonly shell: Shell;
  readonly options: DemoOptions;
  readonly commands: { command: string; seconds: number }[];
  readonly claims: { claim: string; holds: boolean }[];
}

/** Types a command in `folder` and tells what it printed and how long it took. @throws {DvcError} when it fails. */
export async function type(stage: Stage, command: string, folder: OsPath = stage.project): Promise<Ran> {
  const prompt = folder === stage.project ? "$" : folder === stage.clone ? "colleague $" : "in the folder above $";
  say(stage, `${prompt} ${command}`);
  const ran = await stage.shell.run(folder, command);
  stage.commands.push({ command, seconds: ran.seconds });
  const lines = ran.output === "" ? [] : ran.output.split("\n");
  const shown =
    lines.length > SHOWN_LINES
      ? [...lines.slice(0, SHOWN_LINES - 1), `… ${lines.length - SHOWN_LINES + 1} more lines`]
      : lines;
  for (const line of shown) say(stage, `    ${line}`);
  say(stage, `    (${ran.seconds.toFixed(2)} s)`);
  return ran;
}

/** Replaces `from` by `to` in a file of the project, as a person would in an editor. */
export function edit(stage: Stage, file: string, from: string, to: string): void {
  say(stage, `(edit ${file}: "${from}" becomes "${to}")`);
  const path = join(stage.project, file);
  const text = readFileSync(path, "utf8");
  if (!text.includes(from)) throw new UsageError(`${file} does not say "${from}"`);
  writeFileSync(path, text.replace(from, to));
}

/** Records and tells whether something that was said holds. */
export function claim(stage: Stage, words: string, holds: boolean): void {
  stage.claims.push({ claim: words, holds });
  say(stage, `  ${holds ? "✓" : "✗ FAILED:"} ${words}`);
}

/** Starts a new act. */
export function title(stage: Stage, words: string): void {
  say(stage, `\n== ${words}\n`);
}

/** A line of the story. */
export function say(stage: Stage, text: string): void {
  info(stage.options, text);
}
