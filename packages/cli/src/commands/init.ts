import { UsageError } from "@holdfast/core";
import { type Command, defineCommand, flag, type PositionalSpec } from "../command.ts";
import { CommandFailure, isExpected } from "../exit.ts";

const directory: PositionalSpec<string> = {
  nargs: "?",
  help: "The folder (default: this one).",
  default: ".",
  complete: "dir",
};

/** `init`. */
export const init: Command = defineCommand({
  name: "init",
  summary: "Make a Git repository a project.",
  description: "Creates .dvc with the configuration, and .dvcignore, and stages them in Git.",
  docs: "init",
  examples: [
    { text: "In the root of a Git repository", command: "init" },
    { text: "Without Git", command: "init --no-scm" },
  ],
  options: {
    noScm: flag("--no-scm", "Work without Git."),
    force: flag("-f/--force", "Replace an existing .dvc folder, its cache included."),
    subdir: flag("--subdir", "Make a project of a folder inside a Git repository."),
  },
  positionals: { directory },
  async run(context, { directory: folder, noScm, force, subdir }) {
    const { init: initProject } = await import("@holdfast/core/api/init");
    try {
      return await initProject(context.env, folder, { ...context.call, noScm, force, subdir });
    } catch (error) {
      throw isExpected(error) && !(error instanceof UsageError)
        ? new CommandFailure("failed to initiate DVC", error)
        : error;
    }
  },
  render(_result, context) {
    const heading = (text: string): string => context.paint(text, "yellow");
    context.line(
      [
        heading("What's next?"),
        heading("------------"),
        "- Check out the documentation: <https://dvc.org/doc>",
        "- Get help and share ideas: <https://dvc.org/chat>",
        "- Star us on GitHub: <https://github.com/treeverse/dvc>",
      ].join("\n"),
    );
  },
});
