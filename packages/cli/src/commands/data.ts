import type { DataStatus } from "@holdfast/core/api/dataStatus";
import { type Command, type CommandGroup, choice, defineCommand, defined, flag } from "../command.ts";
import type { Context } from "../context.ts";
import type { Colour } from "../render/colour.ts";
import { remoteOption, targets } from "./sharedOptions.ts";

type GroupName = Exclude<keyof DataStatus, "git">;

interface GroupStyle {
  readonly label: string;
  readonly hints: (program: string) => readonly string[];
  readonly colour?: Colour;
}

/** In the order of the output. */
const groups: Readonly<Record<GroupName, GroupStyle>> = {
  not_in_cache: {
    label: "Not in cache",
    hints: (program) => [`use "${program} fetch <file>..." to download files`],
    colour: "red",
  },
  not_in_remote: {
    label: "Not in remote",
    hints: (program) => [`use "${program} push <file>..." to upload files`],
    colour: "red",
  },
  committed: {
    label: "DVC committed changes",
    hints: () => ["git commit the corresponding dvc files to update the repo"],
    colour: "green",
  },
  uncommitted: {
    label: "DVC uncommitted changes",
    hints: (program) => [
      `use "${program} commit <file>..." to track changes`,
      `use "${program} checkout <file>..." to discard changes`,
    ],
    colour: "yellow",
  },
  untracked: {
    label: "Untracked files",
    hints: (program) => [`use "git add <file> ..." or "${program} add <file>..." to commit to git or to dvc`],
    colour: "cyan",
  },
  unchanged: { label: "DVC unchanged files", hints: () => [] },
};

const dataStatus: Command = defineCommand({
  name: "status",
  summary: "Show changes between the last commit, the recorded data and the workspace.",
  docs: "data/status",
  examples: [
    { text: "What changed, down to single files", command: "data status --granular" },
    { text: "For a script, with files that nobody tracks", command: "data status --json --untracked-files" },
  ],
  options: {
    json: flag("--json", "Print the result as JSON."),
    granular: flag("--granular", "Look into tracked folders."),
    unchanged: flag("--unchanged", "Also list what did not change."),
    untrackedFiles: choice(
      "--untracked-files",
      ["no", "all"],
      "Also list files that neither Git nor the project tracks.",
      "no",
      {
        nargs: "?",
        const: "all",
      },
    ),
    remote: remoteOption("With --not-in-remote: the remote to look at."),
    notInRemote: flag("--not-in-remote", "Also list what the remote lacks."),
    noRemoteRefresh: flag("--no-remote-refresh", "Use what is known of the remote from before instead of asking it."),
  },
  positionals: { targets },
  async run(context, { targets: names, json: _json, unchanged: _unchanged, ...rest }) {
    const { dataStatus: statusOf } = await import("@holdfast/core/api/dataStatus");
    return statusOf(await context.open(), names, { ...context.call, ...defined(rest) });
  },
  toJson: (result, { unchanged, untrackedFiles }) => Object.fromEntries(filled(result, unchanged, untrackedFiles)),
  render(result, context, { unchanged, untrackedFiles }) {
    const shown = filled(result, unchanged, untrackedFiles);
    if (shown.length === 0) context.line(`No changes${result.git?.isEmpty === true ? " in an empty git repo" : ""}.`);
    for (const [index, [name, entries]] of shown.entries()) {
      if (index > 0) context.line("");
      printGroup(groups[name], entries, context);
    }
    if (result.git?.isDirty === true) {
      const other = shown.length > 0 ? "other " : "";
      context.line(context.paint(`(there are ${other}changes not tracked by dvc, use "git status" to see)`, "blue"));
    }
  },
});

/** The groups that hold something, without their own empty parts, in order. */
function filled(result: DataStatus, unchanged: boolean, untracked: "no" | "all"): [GroupName, DataStatus[GroupName]][] {
  const found: [GroupName, DataStatus[GroupName]][] = [];
  for (const name of Object.keys(groups) as GroupName[]) {
    if ((name === "unchanged" && !unchanged) || (name === "untracked" && untracked === "no")) continue;
    const value = result[name];
    if (isList(value)) {
      if (value.length > 0) found.push([name, value]);
      continue;
    }
    const parts = Object.entries(value).filter(([, list]: [string, readonly unknown[]]) => list.length > 0);
    if (parts.length > 0) found.push([name, Object.fromEntries(parts)]);
  }
  return found;
}

function isList(value: DataStatus[GroupName]): value is readonly string[] {
  return Array.isArray(value);
}

function printGroup(style: GroupStyle, entries: DataStatus[GroupName], context: Context): void {
  context.line(`${style.label}:`);
  for (const hint of style.hints(context.programName)) context.line(`  (${hint})`);
  const items = isList(entries)
    ? entries
    : Object.entries<readonly Change[]>({ ...entries }).flatMap(([state, list]) => changeLines(state, list));
  for (const item of items) {
    const text = `        ${item}`;
    context.line(style.colour === undefined ? text : context.paint(text, style.colour));
  }
}

type Change = string | { readonly old: string; readonly new: string };

function changeLines(state: string, list: readonly Change[]): string[] {
  return list.map((item) => `${state}: ${typeof item === "string" ? item : `${item.old} -> ${item.new}`}`);
}

/** `data`. */
export const data: CommandGroup = {
  name: "data",
  summary: "Commands for tracked data.",
  docs: "data/status",
  commandsHelp: "See `data COMMAND --help` for the help of one.",
  commands: [dataStatus],
};
