import type { Command, CommandGroup, OptionSpec, OptionTable, PositionalSpec } from "./command.ts";
import { commandOptions, mainOptions } from "./globals.ts";

const HELP_COLUMN = 24;

/** Lays help out in argparse's manner, for a terminal of `width` columns. */
export interface HelpLayout {
  readonly programName: string;
  readonly width: number;
}

/** The help of the program itself: its options and every command. */
export function mainHelp(entries: readonly (Command | CommandGroup)[], layout: HelpLayout): string {
  const shown = entries.filter((one) => one.hidden !== true);
  const rows = shown.map((one): Row => [`  ${withAliases(one)}`, one.summary]);
  return join([
    usage(layout.programName, mainOptions, ["command", "..."], layout.width),
    "Versions data and models beside code.",
    section("options", optionRows(mainOptions), layout.width),
    section(
      "Available Commands",
      [["command", `Use \`${layout.programName} command --help\` for the help of one.`], ...rows],
      layout.width,
    ),
  ]);
}

/** The help of a group: its sub-commands. `path` is the words that lead to it. */
export function groupHelp(group: CommandGroup, path: string, layout: HelpLayout): string {
  const names = `{${group.commands
    .filter((one) => one.hidden !== true)
    .map((one) => one.name)
    .join(",")}}`;
  const rows = group.commands
    .filter((one) => one.hidden !== true)
    .map((one): Row => [`  ${withAliases(one)}`, one.summary]);
  return join([
    usage(`${layout.programName} ${path}`, commandOptions, [names, "..."], layout.width),
    describe(group),
    section("positional arguments", [[names, group.commandsHelp], ...rows], layout.width),
    section("options", optionRows(commandOptions), layout.width),
  ]);
}

/** The help of one command. */
export function commandHelp(command: Command, path: string, layout: HelpLayout): string {
  const options = { ...commandOptions, ...command.options };
  const positionals = Object.entries(command.positionals);
  return join([
    usage(`${layout.programName} ${path}`, options, positionals.map(positionalUsage), layout.width),
    describe(command),
    section(
      "positional arguments",
      positionals.map(([name, spec]): Row => [
        spec.choices === undefined ? name : `{${spec.choices.join(",")}}`,
        spec.help,
      ]),
      layout.width,
    ),
    section("options", optionRows(options), layout.width),
    examples(command, layout.programName),
  ]);
}

type Row = readonly [string, string];

function withAliases(one: Command | CommandGroup): string {
  return one.aliases === undefined ? one.name : `${one.name} (${one.aliases.join(", ")})`;
}

function describe(one: Command | CommandGroup): string {
  const text = one.description ?? one.summary;
  return one.docs === undefined ? text : `${text}\nDocumentation: <https://man.dvc.org/${one.docs}>`;
}

function examples(command: Command, programName: string): string {
  if (command.examples.length === 0) return "";
  return `EXAMPLES:\n${command.examples.map((one) => `  # ${one.text}\n  ${programName} ${one.command}`).join("\n\n")}`;
}

function join(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** `targets [targets ...]`, as the usage line shows a positional. */
export function positionalUsage([name, spec]: readonly [string, PositionalSpec]): string {
  const shown = spec.choices === undefined ? name : `{${spec.choices.join(",")}}`;
  if (spec.nargs === "?") return `[${shown}]`;
  if (spec.nargs === "*") return `[${shown} ...]`;
  if (spec.nargs === "...") return `${shown} ...`;
  return spec.nargs === "+" ? `${shown} [${shown} ...]` : shown;
}

/** ` <name>`, ` [<name>]` or nothing: what follows a flag. */
function valueUsage(spec: OptionSpec): string {
  if (spec.kind === "flag" || spec.kind === "count" || spec.kind === "toggle" || spec.kind === "const") return "";
  const name = spec.choices === undefined ? (spec.metavar ?? "value") : `{${spec.choices.join(",")}}`;
  if (spec.nargs === "?") return ` [${name}]`;
  if (spec.nargs === "*") return ` [${name} ...]`;
  return spec.nargs === "+" ? ` ${name} [${name} ...]` : ` ${name}`;
}

function visible(options: OptionTable): OptionSpec[] {
  return Object.values(options).filter((spec) => spec.hidden !== true);
}

function usage(program: string, options: OptionTable, tail: readonly string[], width: number): string {
  const words: string[] = [];
  const groups = new Set<string>();
  const specs = visible(options);
  for (const spec of specs) {
    if (spec.group === undefined) words.push(spec.required === true ? flagUsage(spec) : `[${flagUsage(spec)}]`);
    else if (!groups.has(spec.group)) {
      groups.add(spec.group);
      words.push(
        `[${specs
          .filter((one) => one.group === spec.group)
          .map(flagUsage)
          .join(" | ")}]`,
      );
    }
  }
  const start = `usage: ${program} `;
  const whole = start + [...words, ...tail].join(" ");
  if (whole.length <= width) return whole;
  const indent = " ".repeat(Math.min(start.length, 24));
  return [...fill(words, start, indent, width), ...fill(tail, indent, indent, width)].join("\n");
}

function flagUsage(spec: OptionSpec): string {
  const first = spec.flags[0] ?? "";
  return spec.kind === "toggle" ? `${first} | --no-${first.slice(2)}` : first + valueUsage(spec);
}

function fill(words: readonly string[], start: string, indent: string, width: number): string[] {
  const lines: string[] = [];
  let line = start;
  let isEmpty = true;
  for (const word of words) {
    if (!isEmpty && line.length + word.length + 1 > width) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
    isEmpty = false;
  }
  if (!isEmpty) lines.push(line.trimEnd());
  return lines;
}

function optionRows(options: OptionTable): Row[] {
  return visible(options).map((spec): Row => {
    const flags = spec.kind === "toggle" ? spec.flags.flatMap((one) => [one, `--no-${one.slice(2)}`]) : spec.flags;
    return [flags.map((one) => one + valueUsage(spec)).join(", "), spec.help];
  });
}

function section(title: string, rows: readonly Row[], width: number): string {
  if (rows.length === 0) return "";
  const column = Math.min(HELP_COLUMN, Math.max(...rows.map(([left]) => left.length)) + 4);
  const lines = rows.flatMap(([left, right]) => {
    const wrapped = wrap(right, Math.max(20, width - column - 2));
    const pad = " ".repeat(column);
    const head = `  ${left}`;
    if (wrapped.length === 0) return [head];
    const fits = head.length <= column - 2;
    const first = fits ? [head.padEnd(column) + (wrapped[0] ?? "")] : [head, pad + (wrapped[0] ?? "")];
    return [...first, ...wrapped.slice(1).map((line) => pad + line)];
  });
  return `${title}:\n${lines.join("\n")}`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((one) => one !== "")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  if (line !== "") lines.push(line);
  return lines;
}
