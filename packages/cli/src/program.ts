import { basename } from "node:path";
import { commandText } from "@holdfast/core";
import type { Command, CommandEntry, CommandGroup } from "./command.ts";
import { isGroup } from "./command.ts";
import { commands } from "./commands/index.ts";
import { Context, type Host } from "./context.ts";
import { environment } from "./environment.ts";
import { exitCodes, reportFailure } from "./exit.ts";
import { commandOptions, mainOptions } from "./globals.ts";
import { type Globals, globalsOf } from "./globalValues.ts";
import { CommandLineError, parseWords } from "./parser.ts";
import { pyRepr, pyReprList } from "./pyText.ts";
import { TextOutput } from "./render/text.ts";
import { COMPATIBLE_DVC, VERSION } from "./version.ts";

/** What a command line asks for. */
type Request =
  | {
      readonly kind: "run";
      readonly command: Command;
      readonly args: Readonly<Record<string, unknown>>;
      readonly globals: Globals;
    }
  | { readonly kind: "help"; readonly path: readonly (CommandEntry | Command | CommandGroup)[] }
  | { readonly kind: "version" };

/** A bad command line, with the place whose help explains it. */
class Misuse extends Error {
  readonly path: readonly (CommandEntry | Command | CommandGroup)[];
  constructor(message: string, path: readonly (CommandEntry | Command | CommandGroup)[]) {
    super(message);
    this.path = path;
  }
}

/** Runs one command line (without node and script). Resolves to the exit code; prints, never throws. */
export async function main(words: readonly string[], programName: string): Promise<number> {
  let output = new TextOutput({ quiet: false, verbose: 0, env: process.env });
  try {
    const request = await parse(words);
    if (request.kind === "version") output.forced(programName === "dvc" ? COMPATIBLE_DVC : VERSION);
    else if (request.kind === "help") output.forced((await helpText(request.path, programName)).trimEnd());
    else {
      output = new TextOutput({ quiet: request.globals.quiet, verbose: request.globals.verbose, env: process.env });
      return await run(request, output, programName, words);
    }
    output.finish();
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof Misuse)) return finishFailed(error, undefined, output);
    output.log("ERROR", error.message);
    return printHelp(error.path, programName, output);
  }
}

async function printHelp(path: Misuse["path"], programName: string, output: TextOutput): Promise<number> {
  try {
    output.forced((await helpText(path, programName)).trimEnd());
    output.finish();
    return exitCodes.commandLine;
  } catch (error) {
    return finishFailed(error, undefined, output);
  }
}

async function run(
  request: Extract<Request, { kind: "run" }>,
  output: TextOutput,
  programName: string,
  words: readonly string[],
): Promise<number> {
  const { command, args, globals } = request;
  let context: Context | undefined;
  let onInterrupt: (() => void) | undefined;
  try {
    output.debug(
      `v${VERSION} (compatible with DVC ${COMPATIBLE_DVC}), Node ${process.versions.node} on ${process.platform}-${process.arch}`,
    );
    output.debug(`command: ${commandText([programName, ...words])}`);
    if (globals.cd !== undefined) changeFolder(globals.cd);
    const opened = new Context(environment(programName, words, globals, output), output, globals, hostOf(programName));
    context = opened;
    onInterrupt = (): void => {
      interrupt(opened, output);
    };
    process.on("SIGINT", onInterrupt);
    if (args["json"] === true) output.keepForJson();
    const result = await command.run(context, args);
    if (args["json"] === true) context.json(command.toJson?.(result, args) ?? result);
    else command.render?.(result, context, args);
    output.finish();
    return command.exitCode?.(result, args) ?? exitCodes.ok;
  } catch (error) {
    const failure = typeof command.failure === "function" ? command.failure(args, programName) : command.failure;
    return finishFailed(error, failure, output);
  } finally {
    // Closing writes, too: an interrupt meanwhile must not leave half of it.
    context?.close();
    if (onInterrupt !== undefined) process.off("SIGINT", onInterrupt);
  }
}

function hostOf(programName: string): Host {
  return {
    run: (words) => main(words, programName),
    async completionScript(shell) {
      const { completionScript } = await import("./completion/script.ts");
      return completionScript(shell, await Promise.all(commands.map((one) => one.load())), programName);
    },
  };
}

/** Gives what is under way two seconds to end by itself. */
function interrupt(context: Context, output: TextOutput): void {
  context.abort();
  setTimeout(() => {
    output.log("ERROR", "interrupted by the user");
    context.close();
    process.exit(exitCodes.interrupted);
  }, 2000).unref();
}

function finishFailed(error: unknown, failure: string | undefined, output: TextOutput): number {
  try {
    const code = reportFailure(error, failure, output);
    if (code !== exitCodes.brokenPipe) output.finish();
    return code;
  } catch {
    return exitCodes.brokenPipe; // stderr is gone too
  }
}

/** `chdir`, whose failure names only the folder asked for. */
function changeFolder(path: string): void {
  try {
    process.chdir(path);
  } catch (error) {
    throw Object.assign(error as NodeJS.ErrnoException, { path, dest: undefined });
  }
}

/** Finds the command and parses its words. */
async function parse(words: readonly string[]): Promise<Request> {
  const first = parseAt({ options: mainOptions, positionals: {}, stopAtPositional: true }, words, []);
  const globals = globalsOf(first.values);
  if (globals.version) return { kind: "version" };
  if (globals.help) return { kind: "help", path: [] };
  const [name] = first.rest;
  if (name === undefined) throw new Misuse("the following arguments are required: command", []);
  const entry = commands.find((one) => one.name === name || one.aliases?.includes(name) === true);
  if (entry === undefined) throw new Misuse(invalidChoice("command", name, commands), []);
  return parseCommand(await entry.load(), first.rest.slice(1), [entry], globals, first.extras);
}

async function parseCommand(
  command: Command | CommandGroup,
  words: readonly string[],
  path: Misuse["path"],
  before: Globals,
  extras: readonly string[],
): Promise<Request> {
  if (isGroup(command)) {
    const parsed = parseAt({ options: commandOptions, positionals: {}, stopAtPositional: true }, words, path);
    const globals = globalsOf(parsed.values, before);
    if (globals.help) return { kind: "help", path };
    const [name] = parsed.rest;
    if (name === undefined) throw new Misuse("the following arguments are required: cmd", path);
    const next = command.commands.find((one) => one.name === name || one.aliases?.includes(name) === true);
    if (next === undefined) throw new Misuse(invalidChoice("cmd", name, command.commands), path);
    return parseCommand(next, parsed.rest.slice(1), [...path, next], globals, [...extras, ...parsed.extras]);
  }
  const { options, positionals } = command;
  const parsed = parseAt({ options: { ...commandOptions, ...options }, positionals }, words, path);
  const globals = globalsOf(parsed.values, before);
  if (globals.help) return { kind: "help", path };
  const unknown = [...extras, ...parsed.extras];
  if (unknown.length > 0) throw new Misuse(`unrecognized arguments: ${unknown.join(" ")}`, path);
  return { kind: "run", command, args: parsed.values, globals };
}

function parseAt(
  grammar: Parameters<typeof parseWords>[0],
  words: readonly string[],
  path: Misuse["path"],
): ReturnType<typeof parseWords> {
  try {
    return parseWords(grammar, words);
  } catch (error) {
    throw error instanceof CommandLineError ? new Misuse(error.message, path) : error;
  }
}

function invalidChoice(
  what: string,
  name: string,
  all: readonly { readonly name: string; readonly aliases?: readonly string[] }[],
): string {
  const names = all.flatMap((one) => [one.name, ...(one.aliases ?? [])]);
  return `argument ${what}: invalid choice: ${pyRepr(name)} (choose from ${pyReprList(names)})`;
}

async function helpText(path: Misuse["path"], programName: string): Promise<string> {
  const { commandHelp, groupHelp, mainHelp } = await import("./help.ts");
  const { columns } = await import("./render/text.ts");
  const layout = { programName, width: Math.max(40, columns(process.env) - 2) };
  const [entry] = path;
  if (entry === undefined) return mainHelp(await Promise.all(commands.map((one) => one.load())), layout);
  const last = path[path.length - 1] ?? entry;
  const loaded = "load" in last ? await last.load() : last;
  const names = path.map((one) => one.name).join(" ");
  return isGroup(loaded) ? groupHelp(loaded, names, layout) : commandHelp(loaded, names, layout);
}

/** `dvc` when called by that name (a link), else `holdfast`. */
export function programNameOf(script: string): string {
  return basename(script).replace(/\.(js|cjs|exe|cmd)$/, "") === "dvc" ? "dvc" : "holdfast";
}
