import { type Command, defineCommand, one } from "../command.ts";

/** `move`. */
export const move: Command = defineCommand({
  name: "move",
  aliases: ["mv"],
  summary: "Rename tracked data, together with its .dvc file.",
  docs: "move",
  examples: [{ text: "Rename a tracked folder", command: "move data raw" }],
  options: {},
  positionals: { src: one("What to move.", "file"), dst: one("Where to.", "file") },
  failure: ({ src, dst }) => `failed to move '${src}' -> '${dst}'`,
  async run(context, { src, dst }) {
    const { move: moveData } = await import("@holdfast/core/api/move");
    return moveData(await context.open(), src, dst, context.call);
  },
});
