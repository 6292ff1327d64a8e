import {
  type Command,
  type CommandGroup,
  defineCommand,
  flag,
  int,
  many,
  type PositionalSpec,
  words,
} from "../command.ts";
import type { Context } from "../context.ts";
import { diffTable, metricsTable } from "../render/valueTable.ts";
import { recursive, revisions } from "./sharedOptions.ts";
import { changesJson, tellFailed } from "./valueAnswers.ts";

/** Decimals that tables of metrics round to. */
const PRECISION = 5;

const precision = int("--precision", "<n>", `Round to this many decimals (default: ${String(PRECISION)}).`);
const markdown = flag("--md", "Print a Markdown table.");

const show: Command = defineCommand({
  name: "show",
  summary: "Print metrics.",
  docs: "metrics/show",
  examples: [
    { text: "The metrics of the workspace", command: "metrics show" },
    { text: "Of all tags, one file only", command: "metrics show -T metrics.json" },
  ],
  options: {
    ...revisions,
    json: flag("--json", "Print the result as JSON."),
    markdown,
    recursive,
    precision,
  },
  positionals: { targets: many("Only these files, or the files in these folders.", "file") },
  async run(context, { targets, allBranches, allTags, allCommits }) {
    const { metricsShow } = await import("@holdfast/core/api/metricsShow");
    const repo = await context.open({ uninitialized: true });
    const result = await metricsShow(repo, targets, { ...context.call, allBranches, allTags, allCommits });
    tellFailed(context, result.failed);
    return result;
  },
  toJson(result): unknown {
    return Object.fromEntries(
      result.revisions.map((revision) => {
        if ("error" in revision) return [revision.name, { error: revision.error }];
        const files = revision.files.map((one) => [
          one.path,
          "error" in one ? { error: one.error } : { data: one.data },
        ]);
        return [revision.name, { data: Object.fromEntries(files) as unknown }];
      }),
    );
  },
  render(result, context, { markdown: isMarkdown, allBranches, allTags, allCommits, precision: digits }) {
    const withRevisions = allBranches || allTags || allCommits;
    context.block(
      metricsTable(result.revisions, { ...look(context, isMarkdown), withRevisions, precision: digits || PRECISION }),
    );
  },
});

const older: PositionalSpec<string> = { nargs: "?", help: "The older revision (default: HEAD).", default: "HEAD" };
const newer: PositionalSpec<string> = {
  nargs: "?",
  help: "The newer revision (default: the workspace).",
  default: "workspace",
};

const diff: Command = defineCommand({
  name: "diff",
  summary: "Compare metrics of two revisions, or of one and the workspace.",
  docs: "metrics/diff",
  examples: [
    { text: "The workspace against the last commit", command: "metrics diff" },
    { text: "Two releases, also what is equal", command: "metrics diff v1.0 v2.0 --all" },
  ],
  options: {
    targets: words("--targets", "<paths>", "Only these files, or the files in these folders.", { complete: "file" }),
    recursive,
    all: flag("--all", "Show what is equal too."),
    json: flag("--json", "Print the result as JSON."),
    markdown,
    noPath: flag("--no-path", "Leave the paths out."),
    precision,
  },
  positionals: { a_rev: older, b_rev: newer },
  async run(context, { a_rev: from, b_rev: to, targets, all }) {
    const { metricsDiff } = await import("@holdfast/core/api/metricsDiff");
    const repo = await context.open({ uninitialized: true });
    const result = await metricsDiff(repo, from, to, { ...context.call, targets: targets ?? [], all });
    tellFailed(context, result.failed);
    return result;
  },
  toJson: changesJson,
  render({ files }, context, { markdown: isMarkdown, noPath, precision: digits, a_rev: from, b_rev: to }) {
    context.block(
      diffTable(files, {
        ...look(context, isMarkdown),
        title: "Metric",
        older: from || "HEAD",
        newer: to || "workspace",
        withPath: !noPath,
        withChange: true,
        precision: digits || PRECISION,
      }),
    );
  },
});

function look(context: Context, isMarkdown: boolean): { markdown: boolean; paint?: Context["paint"] } {
  return isMarkdown ? { markdown: true } : { markdown: false, paint: context.paint };
}

/** `metrics`. */
export const metrics: CommandGroup = {
  name: "metrics",
  summary: "Show and compare metrics.",
  docs: "metrics",
  commandsHelp: "What to do with metrics.",
  commands: [show, diff],
};
