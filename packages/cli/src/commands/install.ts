import { type Command, defineCommand, flag } from "../command.ts";

/** `install`. */
export const install: Command = defineCommand({
  name: "install",
  summary: "Set up Git hooks and the merge driver.",
  description:
    "After this, `git commit` shows the status, `git checkout` brings the data along, `git push` sends it, and merges of data folders work.",
  docs: "install",
  examples: [{ text: "Once for each clone", command: "install" }],
  options: {
    usePreCommitTool: flag(
      "--use-pre-commit-tool",
      "Write .pre-commit-config.yaml for the pre-commit tool instead of hooks.",
    ),
  },
  positionals: {},
  failure: "failed to install DVC Git hooks",
  async run(context, { usePreCommitTool }) {
    const { install: installHooks } = await import("@holdfast/core/api/install");
    return installHooks(await context.open(), { ...context.call, usePreCommitTool });
  },
});
