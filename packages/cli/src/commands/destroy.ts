import { type Command, defineCommand, flag } from "../command.ts";

/** `destroy`. */
export const destroy: Command = defineCommand({
  name: "destroy",
  summary: "Remove the project's files and its cache; the data in the workspace stays.",
  docs: "destroy",
  examples: [{ text: "Stop using this in a repository, without a question", command: "destroy -f" }],
  options: { force: flag("-f/--force", "Don't ask.") },
  positionals: {},
  failure: "failed to destroy DVC",
  async run(context, { force }) {
    const { destroy: destroyProject } = await import("@holdfast/core/api/destroy");
    return destroyProject(await context.open(), { ...context.call, force, confirm: context.confirmAlways });
  },
});
