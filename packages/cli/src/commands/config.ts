import { type Command, defineCommand, defined, flag, maybe, type PositionalSpec } from "../command.ts";
import { CommandFailure } from "../exit.ts";
import { levels } from "./sharedOptions.ts";

/** An option's name taken apart: `remote.NAME.option`, `db.NAME.option` or `section.option`. */
interface OptionName {
  readonly text: string;
  readonly section: string;
  readonly option: string;
}

function parseName(word: string): OptionName {
  const match = /^(remote\.|db\.)?([^.]*)\.([^.]*)$/.exec(word);
  if (match === null)
    throw new TypeError("name argument should look like remote.name.option or db.name.option or section.option");
  return {
    text: word,
    section: (match[1] ?? "") + (match[2] ?? "").toLowerCase(),
    option: (match[3] ?? "").toLowerCase(),
  };
}

const name: PositionalSpec<OptionName | undefined> = {
  nargs: "?",
  help: "section.option, remote.NAME.option or db.NAME.option.",
  default: undefined,
  complete: "configName",
  convert: parseName,
};

interface Values {
  readonly level: "system" | "global" | "project" | "local" | undefined;
  readonly unset: boolean;
  readonly list: boolean;
  readonly showOrigin: boolean;
  readonly name: OptionName | undefined;
  readonly value: string | undefined;
}

/** `config`. */
export const config: Command = defineCommand({
  name: "config",
  summary: "Read or change the configuration.",
  docs: "config",
  examples: [
    { text: "Link files instead of copying them", command: "config cache.type hardlink,symlink" },
    { text: "Every setting and the file it comes from", command: "config -l --show-origin" },
    { text: "Take a setting back, for this clone only", command: "config --local -u core.autostage" },
  ],
  options: {
    ...levels,
    unset: flag("-u/--unset", "Remove the option."),
    list: flag("-l/--list", "List all settings."),
    showOrigin: flag("--show-origin", "Show the file of each setting."),
  },
  positionals: { name, value: maybe("The new value.") },
  async run(context, values) {
    checkUsage(values);
    const api = await import("@holdfast/core/api/config");
    const at = { ...context.call, ...defined({ level: values.level }) };
    if (values.list) return { entries: await api.listConfig(context.env, at) };
    if (values.name === undefined) throw new CommandFailure("name argument is required", undefined);
    const { section, option } = values.name;
    if (values.unset) await api.unsetConfig(context.env, section, option, at);
    else if (values.value !== undefined) await api.setConfig(context.env, section, option, values.value, at);
    else return { entry: await api.getConfig(context.env, section, option, at) };
    return {};
  },
  toJson: (result) => ("entries" in result ? result.entries : "entry" in result ? (result.entry ?? null) : {}),
  render(result, context, { showOrigin }) {
    for (const entry of result.entries ?? []) {
      context.line(`${showOrigin ? `${entry.file}\t` : ""}${entry.key}=${entry.value}`);
    }
    if (result.entry !== undefined) context.line(`${showOrigin ? `${result.entry.file}\t` : ""}${result.entry.value}`);
  },
});

function checkUsage(values: Values): void {
  if (values.showOrigin && (values.value !== undefined || values.unset)) {
    throw new CommandFailure(
      "--show-origin can't be used together with any of these options: -u/--unset, value",
      undefined,
    );
  }
  if (values.list && (values.name !== undefined || values.value !== undefined || values.unset)) {
    throw new CommandFailure(
      "-l/--list can't be used together with any of these options: -u/--unset, name, value",
      undefined,
    );
  }
}
