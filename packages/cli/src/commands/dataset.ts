import { type Command, type CommandGroup, defineCommand, defined, flag, one, optionalText, text } from "../command.ts";
import { CommandFailure, isExpected } from "../exit.ts";

const add: Command = defineCommand({
  name: "add",
  summary: "Name a data set in dvc.yaml, and record what it is now in dvc.lock.",
  docs: "dataset/add",
  examples: [
    {
      text: "A folder of a registry at a release",
      command: "dataset add digits --dvc https://github.com/iterative/dataset-registry --path mnist --rev main",
    },
    { text: "Files on a storage that keeps versions", command: "dataset add scans --url s3://bucket/scans" },
  ],
  options: {
    dc: text("--dc", "<name>", "A data set of DataChain.", { group: "place", required: true }),
    dvc: text("--dvc", "<url>", "Path or URL of a repository.", { group: "place", required: true, complete: "dir" }),
    url: text("--url", "<url>", "A file or folder on a storage that keeps versions: s3://…, gs://…, remote://….", {
      group: "place",
      required: true,
    }),
    rev: text("--rev", "<commit>", "With --dvc: a Git revision."),
    path: text("--path", "<path>", "With --dvc: a file or folder in the repository."),
    force: flag("-f/--force", "Replace the data set of this name."),
  },
  positionals: { name: one("Name of the data set.") },
  async run(context, { name, json: _json, ...rest }) {
    const { addDataset } = await import("@holdfast/core/api/dataset");
    return addDataset(await context.open(), name, { ...context.call, ...defined(rest) });
  },
});

const update: Command = defineCommand({
  name: "update",
  summary: "Record what a data set is now.",
  docs: "dataset/update",
  examples: [
    { text: "To what is there now", command: "dataset update scans" },
    { text: "To another release", command: "dataset update digits --rev v2" },
  ],
  options: {
    rev: optionalText("--rev/--version", "<version>", "A Git revision of its repository."),
  },
  positionals: { name: one("Name of the data set.") },
  async run(context, { name, rev }) {
    const { updateDataset } = await import("@holdfast/core/api/dataset");
    try {
      return await updateDataset(await context.open(), name, { ...context.call, ...defined({ rev }) });
    } catch (error) {
      // Of all failures only an unknown name is one of the command's own.
      if (isExpected(error) && error.message === "dataset not found") throw new CommandFailure("", error);
      throw error;
    }
  },
});

/** `dataset`. */
export const dataset: CommandGroup = {
  name: "dataset",
  aliases: ["ds"],
  summary: "Name data sets that stages depend on as ds://name.",
  hidden: true,
  commandsHelp: "What to do with data sets.",
  commands: [add, update],
};
