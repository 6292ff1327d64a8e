import { type Command, defineCommand, defined, flag, maybe, one } from "../command.ts";
import { naturalSize } from "../render/humane.ts";
import { table } from "../render/table.ts";
import { externalOptions } from "./externalOptions.ts";

/** `du`. */
export const du: Command = defineCommand({
  name: "du",
  summary: "Show how much space a repository's files take.",
  docs: "du",
  examples: [
    { text: "Each entry of this repository", command: "du ." },
    { text: "Only the sum of one folder", command: "du . data -s" },
  ],
  options: { ...externalOptions, summarize: flag("-s/--summarize", "Only the sum.") },
  positionals: { url: one("Path or URL of the repository.", "dir"), path: maybe("A path within it.", "dir") },
  async run(context, { url, path, rev, config, remote, remoteConfig, summarize }) {
    const { du: sizes } = await import("@holdfast/core/api/du");
    return sizes(context.env, url, path, {
      ...context.call,
      ...defined({ rev, config, remote, remoteConfig, summarize }),
    });
  },
  render(entries, context) {
    context.block(table(entries.map(({ size, path }) => [naturalSize(size), path])));
  },
});
