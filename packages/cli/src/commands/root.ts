import { type Command, defineCommand } from "../command.ts";

/** `root`. */
export const root: Command = defineCommand({
  name: "root",
  summary: "Print the relative path to the project's root.",
  docs: "root",
  examples: [{ text: "Where am I?", command: "root" }],
  options: {},
  positionals: {},
  async run(context) {
    const { projectRoot } = await import("@holdfast/core/api/root");
    return projectRoot(context.env);
  },
  render({ path }, context) {
    context.line(path);
  },
});
