import type { Context } from "./context.ts";

/** What a shell may offer for a value. */
export type Completion = "file" | "dir" | "dvcFile" | "stage" | "target" | "remote" | "configName";

/** How an option takes its value. */
export type OptionKind =
  /** Present or not. */
  | "flag"
  /** How often it was given. */
  | "count"
  /** `--x` and `--no-x`. */
  | "toggle"
  /** Sets `const` under `dest`; several options may share one `dest`. */
  | "const"
  /** One value, or as `nargs` says. */
  | "value"
  /** One value each time, collected. */
  | "append"
  /** `name=value` pairs, collected into a record. */
  | "pairs";

/** One option of a command, as data. `T` is the type of its parsed value. */
export interface OptionSpec<T = unknown> {
  readonly flags: readonly string[];
  readonly kind: OptionKind;
  readonly help: string;
  readonly metavar?: string;
  /** `"?"`: the value may be left out (`const` is used then); `"*"` and `"+"`: several words. */
  readonly nargs?: "?" | "*" | "+";
  readonly type?: "int";
  readonly const?: unknown;
  readonly default: T;
  readonly choices?: readonly string[];
  readonly hidden?: boolean;
  /** Options with the same group exclude each other; when they are `required`, one has to be given. */
  readonly group?: string;
  readonly required?: boolean;
  /** Key of the parsed value when it differs from the key in the table. */
  readonly dest?: string;
  /** Holdfast's own: never takes part in abbreviations of DVC's options. */
  readonly own?: boolean;
  readonly complete?: Completion;
}

/** One positional argument. */
export interface PositionalSpec<T = unknown> {
  /** `"1"` is required; `"..."`: all words from here on, options or not. */
  readonly nargs: "1" | "?" | "*" | "+" | "...";
  readonly help: string;
  readonly default: T;
  readonly complete?: Completion;
  readonly choices?: readonly string[];
  /** Checks and converts; throws `TypeError` with the message to print. */
  readonly convert?: (word: string) => T;
}

/** Options by the key of their value, in the order of the help. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;
/** Positionals by name, in order. */
export type PositionalTable = Readonly<Record<string, PositionalSpec>>;

/** Parsed values of a pair of tables. */
export type ValuesOf<O extends OptionTable, P extends PositionalTable> = {
  readonly [K in keyof O]: O[K] extends OptionSpec<infer T> ? T : never;
} & { readonly [K in keyof P]: P[K] extends PositionalSpec<infer T> ? T : never } & { readonly json: boolean };

/** One line of the EXAMPLES section. `command` is without the program's name. */
export interface Example {
  readonly text: string;
  readonly command: string;
}

/** What every command and group has. */
interface Described {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One line for the list of commands. */
  readonly summary: string;
  /** Text of the help; the summary when absent. */
  readonly description?: string;
  /** Page below <https://man.dvc.org/>; no link when absent. */
  readonly docs?: string;
  /** Left out of help and completion. */
  readonly hidden?: boolean;
}

/** A command with its values' types forgotten: what the parser, the help and `main` work with. */
export interface Command extends Described {
  readonly examples: readonly Example[];
  readonly options: OptionTable;
  readonly positionals: PositionalTable;
  /**
   * When set, expected failures end with exit code 1 and this context before their text ("" for none). Without it they
   * reach the top: 251, 253 or 255.
   */
  readonly failure?: string | ((args: Readonly<Record<string, unknown>>, programName: string) => string);
  run(context: Context, args: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Prints `result` for a person. Without it nothing is printed. */
  render?(result: unknown, context: Context, args: Readonly<Record<string, unknown>>): void;
  /** The record that `--json` prints; `result` itself when absent. */
  toJson?(result: unknown, args: Readonly<Record<string, unknown>>): unknown;
  /** Exit code of a finished run; 0 when absent. */
  exitCode?(result: unknown, args: Readonly<Record<string, unknown>>): number;
}

/** A command that only holds others (`remote add`). */
export interface CommandGroup extends Described {
  readonly commands: readonly Command[];
  /** What the help says about the sub-commands. */
  readonly commandsHelp: string;
}

/** A line of `commands/index.ts`. */
export interface CommandEntry {
  readonly name: string;
  readonly aliases?: readonly string[];
  load(): Promise<Command | CommandGroup>;
}

/** Whether it holds sub-commands. */
export function isGroup(command: Command | CommandGroup): command is CommandGroup {
  return "commands" in command;
}

interface TypedCommand<O extends OptionTable, P extends PositionalTable, R> extends Described {
  readonly examples: readonly Example[];
  readonly options: O;
  readonly positionals: P;
  readonly failure?: string | ((args: ValuesOf<O, P>, programName: string) => string);
  run(context: Context, args: ValuesOf<O, P>): Promise<R>;
  render?(result: R, context: Context, args: ValuesOf<O, P>): void;
  toJson?(result: R, args: ValuesOf<O, P>): unknown;
  exitCode?(result: R, args: ValuesOf<O, P>): number;
  /** `false`: the command prints no result, so it gets no `--json`. */
  readonly json?: boolean;
}

const jsonOption: OptionSpec<boolean> = {
  flags: ["--json"],
  kind: "flag",
  help: "Print the result as JSON.",
  default: false,
  own: true,
};

/** Makes a command out of its tables; values are typed by them. Adds `--json` unless the table has it or `json` is false. */
export function defineCommand<O extends OptionTable, P extends PositionalTable, R>(
  spec: TypedCommand<O, P, R>,
): Command {
  const { json, ...rest } = spec;
  const options = json === false || "json" in rest.options ? rest.options : { ...rest.options, json: jsonOption };
  // The parser fills exactly these tables, so forgetting the value types here is safe.
  return { ...rest, options } as unknown as Command;
}

type Common = Partial<Pick<OptionSpec, "metavar" | "hidden" | "group" | "dest" | "own" | "complete" | "required">>;

/** `-f/--force`. */
export function flag(flags: string, help: string, more: Common = {}): OptionSpec<boolean> {
  return { flags: flags.split("/"), kind: "flag", help, default: false, ...more };
}

/** `--run-cache` with its `--no-run-cache`. */
export function toggle(flags: string, help: string, more: Common = {}): OptionSpec<boolean> {
  return { flags: flags.split("/"), kind: "toggle", help, default: false, ...more };
}

/** An option with one word of text. */
export function text(flags: string, metavar: string, help: string, more: Common = {}): OptionSpec<string | undefined> {
  return { flags: flags.split("/"), kind: "value", metavar, help, default: undefined, ...more };
}

/** An option with one word of text that must be given. */
export function requiredText(flags: string, metavar: string, help: string, more: Common = {}): OptionSpec<string> {
  return { flags: flags.split("/"), kind: "value", metavar, help, default: "", required: true, ...more };
}

/** An option whose word may be left out. */
export function optionalText(
  flags: string,
  metavar: string,
  help: string,
  more: Common & { readonly const?: string } = {},
): OptionSpec<string | undefined> {
  return { flags: flags.split("/"), kind: "value", nargs: "?", metavar, help, default: undefined, ...more };
}

/** An option with a whole number. */
export function int(flags: string, metavar: string, help: string, more: Common = {}): OptionSpec<number | undefined> {
  return { flags: flags.split("/"), kind: "value", type: "int", metavar, help, default: undefined, ...more };
}

/** An option with any number of words. */
export function words(
  flags: string,
  metavar: string,
  help: string,
  more: Common = {},
): OptionSpec<readonly string[] | undefined> {
  return { flags: flags.split("/"), kind: "value", nargs: "*", metavar, help, default: undefined, ...more };
}

/** An option with `name=value` words. */
export function pairs(
  flags: string,
  help: string,
  more: Common = {},
): OptionSpec<Readonly<Record<string, string>> | undefined> {
  return {
    flags: flags.split("/"),
    kind: "pairs",
    nargs: "*",
    metavar: "<name>=<value>",
    help,
    default: undefined,
    ...more,
  };
}

/** An option with one of `choices`. */
export function choice<const T extends string>(
  flags: string,
  choices: readonly T[],
  help: string,
  byDefault: T,
  more: Common & { readonly nargs?: "?"; readonly const?: T } = {},
): OptionSpec<T> {
  return { flags: flags.split("/"), kind: "value", choices, help, default: byDefault, ...more };
}

/** An option that may be given several times, each with one of `choices`. */
export function appendChoice<const T extends string>(
  flags: string,
  choices: readonly T[],
  help: string,
  more: Common = {},
): OptionSpec<readonly T[]> {
  return { flags: flags.split("/"), kind: "append", choices, help, default: [], ...more };
}

/** An option with one word of text that may be given several times. */
export function appendText(
  flags: string,
  metavar: string,
  help: string,
  more: Common = {},
): OptionSpec<readonly string[]> {
  return { flags: flags.split("/"), kind: "append", metavar, help, default: [], ...more };
}

/** A required positional. */
export function one(help: string, complete?: Completion): PositionalSpec<string> {
  return { nargs: "1", help, default: "", ...(complete === undefined ? {} : { complete }) };
}

/** A positional that may be left out. */
export function maybe(help: string, complete?: Completion): PositionalSpec<string | undefined> {
  return { nargs: "?", help, default: undefined, ...(complete === undefined ? {} : { complete }) };
}

/** Any number of positionals. */
export function many(help: string, complete?: Completion): PositionalSpec<readonly string[]> {
  return { nargs: "*", help, default: [], ...(complete === undefined ? {} : { complete }) };
}

/** The rest of the line as it is, from the first word that is no option. The only positional of its command. */
export function rest(help: string): PositionalSpec<readonly string[]> {
  return { nargs: "...", help, default: [] };
}

/** At least one positional. */
export function some(help: string, complete?: Completion): PositionalSpec<readonly string[]> {
  return { nargs: "+", help, default: [], ...(complete === undefined ? {} : { complete }) };
}

/** The keys of `T` that may be undefined become optional. */
export type Defined<T> = {
  readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { readonly [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** `record` without the entries that are undefined: what a verb of the library takes as options. */
export function defined<T extends object>(record: T): Defined<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<T>;
}
