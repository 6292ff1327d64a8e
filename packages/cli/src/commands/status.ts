import { type Command, defineCommand, defined, flag } from "../command.ts";
import type { Context } from "../context.ts";
import { jobs, recursive, remoteOption, revisions, targets, withDeps } from "./sharedOptions.ts";

const WORD_WIDTH = 20;

/** `status`. */
export const status: Command = defineCommand({
  name: "status",
  summary: "Show what changed: workspace against records, or cache against a remote.",
  docs: "status",
  examples: [
    { text: "What differs between the workspace and what is recorded", command: "status" },
    { text: "What a push would send", command: "status --cloud" },
    { text: "Whether the remote still has every byte", command: "status --cloud --deep" },
    { text: "In a script: exit code 1 when anything changed", command: "status -q" },
  ],
  options: {
    jobs,
    cloud: flag("-c/--cloud", "Compare the cache with the remote."),
    remote: remoteOption("The remote to compare with; implies --cloud."),
    ...revisions,
    withDeps,
    recursive,
    json: flag("--json", "Print the result as JSON."),
    noUpdates: flag("--no-updates", "Don't ask whether the sources of imports moved on."),
    deep: flag("--deep", "With --cloud: read each object back from the remote and hash it.", { own: true }),
  },
  positionals: { targets },
  failure: "",
  async run(context, { targets: names, json: _json, ...rest }) {
    const { status: statusOf } = await import("@holdfast/core/api/status");
    const result = await statusOf(await context.open(), names, { ...context.call, ...defined(rest) });
    // As in DVC, `--remote` alone does not indent.
    return { ...result, isQuiet: context.globals.quiet, indent: rest.cloud ? 1 : 0 };
  },
  toJson: (result) => result.status,
  // DVC gives up `-q`'s exit code when JSON is asked for.
  exitCode(result, { json }) {
    const states = Object.values(result.status);
    const isDamaged = result.kind === "cloud" && states.includes("damaged");
    return isDamaged || (result.isQuiet && !json && states.length > 0) ? 1 : 0;
  },
  render(result, context) {
    if (Object.keys(result.status).length > 0) show(result.status, result.indent, context);
    else if (result.isEmpty) {
      context.line(
        "There are no data or pipelines tracked in this project yet.\nSee <https://dvc.org/doc/start> to get started!",
      );
    } else if (result.kind === "cloud") context.line(`Cache and remote '${result.remote ?? "None"}' are in sync.`);
    else context.line("Data and pipelines are up to date.");
  },
});

/** Prints a stage's changes as a tree indented by tabs, the words in a column of their own. */
function show(changes: unknown, depth: number, context: Context): void {
  const indent = "\t".repeat(depth);
  if (typeof changes === "string") context.line(indent + changes);
  else if (Array.isArray(changes)) for (const item of changes) show(item, depth, context);
  else if (typeof changes === "object" && changes !== null) {
    for (const [key, value] of Object.entries(changes)) {
      if (typeof value === "string") context.line(`${indent}${`${value}:`.padEnd(WORD_WIDTH)}${key}`);
      else if (!isNothing(value)) {
        context.line(`${indent}${key}:`);
        show(value, depth + 1, context);
      }
    }
  }
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === "object" && Object.keys(value).length === 0);
}
