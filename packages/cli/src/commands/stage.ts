import {
  appendText,
  type Command,
  type CommandGroup,
  defineCommand,
  defined,
  flag,
  many,
  requiredText,
  rest,
  text,
} from "../command.ts";
import { immediately } from "../render/immediate.ts";
import { table } from "../render/table.ts";

/** Longest description that `stage list` prints, in characters. */
const MAX_TEXT = 80;

const add: Command = defineCommand({
  name: "add",
  summary: "Write a stage to dvc.yaml.",
  description:
    "Writes a stage to the dvc.yaml of this folder. The command is the rest of the line, from the first word that is no option.",
  docs: "stage/add",
  examples: [
    {
      text: "A stage that reads a script, data and one parameter, and writes a model",
      command: "stage add -n train -d train.py -d data -p lr -o model python train.py",
    },
    { text: "Change a stage", command: "stage add -f -n train -d train.py -o model python train.py --fast" },
  ],
  options: {
    name: requiredText("-n/--name", "<name>", "Name of the stage."),
    force: flag("-f/--force", "Replace a stage of the same name."),
    deps: appendText("-d/--deps", "<path>", "A file or folder that the command reads.", { complete: "file" }),
    params: appendText("-p/--params", "[<file>:]<keys>", "Parameters that the command reads, with commas between.", {
      complete: "file",
    }),
    outs: appendText("-o/--outs", "<path>", "A file or folder that the command writes.", { complete: "file" }),
    outsNoCache: appendText("-O/--outs-no-cache", "<path>", "One that is not to be stored in the cache.", {
      complete: "file",
    }),
    outsPersist: appendText("--outs-persist", "<path>", "One that stays when the stage runs again."),
    outsPersistNoCache: appendText("--outs-persist-no-cache", "<path>", "One that stays and is not stored."),
    metrics: appendText("-m/--metrics", "<path>", "A file of metrics that the command writes."),
    metricsNoCache: appendText("-M/--metrics-no-cache", "<path>", "One that is not to be stored in the cache."),
    plots: appendText("--plots", "<path>", "A file or folder of plots that the command writes."),
    plotsNoCache: appendText("--plots-no-cache", "<path>", "One that is not to be stored in the cache."),
    wdir: text("-w/--wdir", "<path>", "The folder in which the command runs.", { complete: "dir" }),
    alwaysChanged: flag("--always-changed", "Run the stage each time."),
    desc: text("--desc", "<text>", "What the stage is for, for people."),
    run: flag("--run", "Run the stage at once."),
  },
  positionals: { command: rest("The command.") },
  async run(context, { command, force, run, json: _json, ...definition }) {
    const { stageAdd } = await import("@holdfast/core/api/stageAdd");
    return stageAdd(
      await context.open(),
      { ...defined(definition), cmd: commandLine(command) },
      { ...context.call, reporter: immediately(context.output), force, run },
    );
  },
});

/** One word is a command line of its own; several become one, with quotes where a word has spaces. */
function commandLine(words: readonly string[]): string {
  if (words.length < 2) return words.join(" ");
  const quoted = (word: string): string => {
    if (word === "") return '""';
    return word.includes(" ") && !word.includes('"') ? `"${word}"` : word;
  };
  return words.map(quoted).join(" ");
}

const list: Command = defineCommand({
  name: "list",
  summary: "List stages.",
  docs: "stage/list",
  examples: [
    { text: "The stages of ./dvc.yaml", command: "stage list" },
    { text: "The names of all stages of the project", command: "stage list --all --name-only" },
  ],
  options: {
    all: flag("--all", "All stages of the project."),
    fail: flag("--fail", "Stop at a file that can't be read instead of leaving it out."),
    recursive: flag("-R/--recursive", "All stages in the folders given."),
    nameOnly: flag("--name-only/--names-only", "Only the names."),
  },
  positionals: { targets: many("dvc.yaml or .dvc files, folders or stages; ./dvc.yaml when none is given.", "stage") },
  async run(context, { targets, all, fail, recursive }) {
    const { stageList } = await import("@holdfast/core/api/stageList");
    return stageList(await context.open(), targets, { ...context.call, all, fail, recursive });
  },
  render(stages, context, { nameOnly }) {
    context.block(table(stages.map(({ name, description }) => [name, nameOnly ? "" : shorten(description)])));
  },
});

function shorten(words: string): string {
  const letters = Array.from(words);
  return letters.length > MAX_TEXT ? `${letters.slice(0, MAX_TEXT - 1).join("")}…` : words;
}

/** `stage`. */
export const stage: CommandGroup = {
  name: "stage",
  summary: "Write and list the stages of pipelines.",
  docs: "stage",
  commandsHelp: "What to do with stages.",
  commands: [add, list],
};
