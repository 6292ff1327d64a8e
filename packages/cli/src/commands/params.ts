import { type Command, type CommandGroup, defineCommand, flag, type PositionalSpec, words } from "../command.ts";
import { diffTable } from "../render/valueTable.ts";
import { changesJson, tellFailed } from "./valueAnswers.ts";

const older: PositionalSpec<string> = { nargs: "?", help: "The older revision (default: HEAD).", default: "HEAD" };
const newer: PositionalSpec<string> = {
  nargs: "?",
  help: "The newer revision (default: the workspace).",
  default: "workspace",
};

const diff: Command = defineCommand({
  name: "diff",
  summary: "Compare parameters of two revisions, or of one and the workspace.",
  docs: "params/diff",
  examples: [
    { text: "The workspace against the last commit", command: "params diff" },
    { text: "Only what stages depend on, since a release", command: "params diff v1.0 --deps" },
  ],
  options: {
    targets: words("--targets", "<paths>", "Only these files, relative to the project's top folder.", {
      complete: "file",
    }),
    all: flag("--all", "Show what is equal too."),
    deps: flag("--deps", "Show only what stages depend on."),
    json: flag("--json", "Print the result as JSON."),
    markdown: flag("--md", "Print a Markdown table."),
    noPath: flag("--no-path", "Leave the paths out."),
  },
  positionals: { a_rev: older, b_rev: newer },
  async run(context, { a_rev: from, b_rev: to, targets, all, deps }) {
    const { paramsDiff } = await import("@holdfast/core/api/paramsDiff");
    const repo = await context.open({ uninitialized: true });
    const result = await paramsDiff(repo, from, to, { ...context.call, targets: targets ?? [], all, deps });
    tellFailed(context, result.failed);
    return result;
  },
  toJson: changesJson,
  render({ files }, context, { markdown, noPath, a_rev: from, b_rev: to }) {
    context.block(
      diffTable(files, {
        markdown,
        ...(markdown ? {} : { paint: context.paint }),
        title: "Param",
        older: from || "HEAD",
        newer: to || "workspace",
        withPath: !noPath,
        withChange: false,
      }),
    );
  },
});

/** `params`. */
export const params: CommandGroup = {
  name: "params",
  summary: "Compare parameters.",
  docs: "params",
  commandsHelp: "What to do with parameters.",
  commands: [diff],
};
