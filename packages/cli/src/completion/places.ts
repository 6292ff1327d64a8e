import type { Command, CommandGroup, OptionSpec } from "../command.ts";
import { isGroup } from "../command.ts";
import { commandOptions } from "../globals.ts";

/** What can be typed after some words: sub-commands, options, and what values are. */
export interface Place {
  /** Words that lead here, without the program: `["remote", "add"]`. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly words: readonly { readonly name: string; readonly help: string }[];
  readonly options: readonly OptionSpec[];
  /** Whether positionals name files, tracked data or remotes. */
  readonly completes: readonly string[];
}

/** Every place, the program itself first. */
export function placesOf(commands: readonly (Command | CommandGroup)[]): Place[] {
  const shown = commands.filter((one) => one.hidden !== true);
  const top: Place = {
    path: [],
    summary: "",
    words: shown.flatMap((one) => [one.name, ...(one.aliases ?? [])].map((name) => ({ name, help: one.summary }))),
    options: visible(commandOptions),
    completes: [],
  };
  return [top, ...shown.flatMap((one) => [one.name, ...(one.aliases ?? [])].flatMap((name) => placeOf(one, [name])))];
}

function placeOf(command: Command | CommandGroup, path: readonly string[]): Place[] {
  if (isGroup(command)) {
    const words = command.commands.map((one) => ({ name: one.name, help: one.summary }));
    const here: Place = { path, summary: command.summary, words, options: visible(commandOptions), completes: [] };
    return [here, ...command.commands.flatMap((one) => placeOf(one, [...path, one.name]))];
  }
  const completes = Object.values(command.positionals).flatMap((one) =>
    one.complete === undefined ? [] : [one.complete],
  );
  return [
    {
      path,
      summary: command.summary,
      words: [],
      options: visible({ ...commandOptions, ...command.options }),
      completes: [...new Set(completes)],
    },
  ];
}

function visible(options: Readonly<Record<string, OptionSpec>>): OptionSpec[] {
  return Object.values(options).filter((one) => one.hidden !== true);
}

/** Every spelling of an option. */
export function spellings(spec: OptionSpec): string[] {
  return spec.kind === "toggle" ? spec.flags.flatMap((one) => [one, `--no-${one.slice(2)}`]) : [...spec.flags];
}
