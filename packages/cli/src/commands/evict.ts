import { type Command, defineCommand, defined, flag } from "../command.ts";
import { byteSize } from "../render/humane.ts";
import { jobs, recursive, remoteOption, targets } from "./sharedOptions.ts";

/** `evict`. */
export const evict: Command = defineCommand({
  name: "evict",
  summary: "Free the local copies of data that a remote holds.",
  description:
    "Removes data from the cache and the workspace, but only after every object of it was read back from the remote and hashed. Edited data, and data that the remote does not hold whole, stays and is named; the exit code is then 1. The .dvc files stay: `pull` brings the data back.",
  examples: [
    { text: "Make room: this data set is on the remote", command: "evict data/raw.dvc" },
    { text: "What would be freed", command: "evict --dry" },
    { text: "Keep the files, free the cache", command: "evict --cache-only data/raw.dvc" },
  ],
  options: {
    remote: remoteOption("Where the data must be (default: core.remote)."),
    recursive,
    cacheOnly: flag("--cache-only", "Leave the files of the workspace."),
    dry: flag("--dry", "Verify, and only say what would be freed."),
    jobs,
  },
  positionals: { targets },
  async run(context, { targets: names, json: _json, ...rest }) {
    const { evict: free } = await import("@holdfast/core/api/evict");
    const repo = await context.open();
    return free(repo, names, { ...context.call, ...defined(rest) });
  },
  exitCode: (outputs) => (outputs.some(({ kept }) => kept !== undefined) ? 1 : 0),
  render(outputs, context, { dry }) {
    let bytes = 0;
    for (const { path, objects, bytes: freed, isWorkspaceFreed, kept } of outputs) {
      if (kept !== undefined) {
        context.line(`${context.paint("kept ", "yellow")}  ${path}: ${kept}`);
        continue;
      }
      bytes += freed;
      const places = isWorkspaceFreed ? "cache and workspace" : "cache";
      context.line(
        `${context.paint(dry ? "would free" : "freed", "green")}  ${path}: ${String(objects)} objects, ${byteSize(freed)} (${places})`,
      );
    }
    if (outputs.length === 0) context.line("Nothing is tracked.");
    else context.line(`${byteSize(bytes)} of the cache ${dry ? "would be" : "were"} freed.`);
  },
});
