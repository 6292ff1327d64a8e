import type { DiffResult } from "@holdfast/core/api/diff";
import { type Command, defineCommand, defined, flag, maybe, type PositionalSpec, words } from "../command.ts";
import type { Context } from "../context.ts";
import type { Colour } from "../render/colour.ts";
import { table } from "../render/table.ts";

type State = keyof DiffResult;
/** A hash, or the two of a modified path; null when it is not known. */
type Hash = string | null | { readonly old: string | null; readonly new: string | null };
interface Entry {
  readonly path: string | { readonly old: string; readonly new: string };
  readonly hash: Hash;
}

const order: readonly State[] = ["added", "deleted", "renamed", "modified", "not in cache"];
const colours: Readonly<Record<State, Colour>> = {
  added: "green",
  deleted: "red",
  renamed: "green",
  modified: "yellow",
  "not in cache": "yellow",
};

const aRev: PositionalSpec<string> = { nargs: "?", help: "The older revision (default: HEAD).", default: "HEAD" };

/** `diff`. */
export const diff: Command = defineCommand({
  name: "diff",
  summary: "Show which tracked files differ between two revisions, or one and the workspace.",
  docs: "diff",
  examples: [
    { text: "The workspace against the last commit", command: "diff" },
    { text: "Two releases, with hashes", command: "diff v1.0 v2.0 --show-hash" },
  ],
  options: {
    targets: words("--targets", "<paths>", "Only these paths.", { complete: "file" }),
    json: flag("--json", "Print the result as JSON."),
    showHash: flag("--show-hash", "Show hashes too."),
    markdown: flag("--md", "Print a Markdown table."),
    hideMissing: flag("--hide-missing", "Leave out what is missing in the cache."),
  },
  positionals: { a_rev: aRev, b_rev: maybe("The newer revision (default: the workspace).") },
  failure: "failed to get diff",
  async run(context, { targets, a_rev: older, b_rev: newer }) {
    const { diff: diffOf } = await import("@holdfast/core/api/diff");
    return diffOf(await context.open(), older, newer, { ...context.call, ...defined({ targets }) });
  },
  toJson(result, { showHash, hideMissing, b_rev: newer }) {
    // DVC answers {} when nothing differs and lists every state, also empty ones, when anything does.
    if (order.every((state) => result[state].length === 0)) return {};
    const states: readonly State[] = ["added", "deleted", "modified", "renamed", "not in cache"];
    const shown = states.filter((state) => state !== "not in cache" || !isMissingHidden(hideMissing, newer));
    return Object.fromEntries(
      shown.map((state) => [
        state,
        entriesOf(result, state).map(({ path, hash }) => (showHash ? { path, hash } : { path })),
      ]),
    );
  },
  render(result, context, { showHash, hideMissing, markdown, b_rev: newer }) {
    const states = order.filter((state) => state !== "not in cache" || !isMissingHidden(hideMissing, newer));
    if (markdown) printMarkdown(result, states, showHash, context);
    else printText(result, states, showHash, context);
  },
});

function isMissingHidden(asked: boolean, newer: string | undefined): boolean {
  return asked || (newer !== undefined && newer !== "");
}

function entriesOf(result: DiffResult, state: State): readonly Entry[] {
  return result[state];
}

function pathText({ path }: Entry): string {
  return typeof path === "string" ? path : `${path.old} -> ${path.new}`;
}

function digest(hash: Hash): string {
  if (hash === null) return "";
  return typeof hash === "string"
    ? hash.slice(0, 8)
    : `${(hash.old ?? "").slice(0, 8)}..${(hash.new ?? "").slice(0, 8)}`;
}

function printMarkdown(result: DiffResult, states: readonly State[], showHash: boolean, context: Context): void {
  const rows = states.flatMap((state) =>
    entriesOf(result, state).map((entry) =>
      showHash ? [state, digest(entry.hash), pathText(entry)] : [state, pathText(entry)],
    ),
  );
  context.block(
    `${table(rows, { headers: showHash ? ["Status", "Hash", "Path"] : ["Status", "Path"], format: "github" })}\n`,
  );
}

function printText(result: DiffResult, states: readonly State[], showHash: boolean, context: Context): void {
  const counts: string[] = [];
  for (const state of states) {
    const entries = entriesOf(result, state);
    if (entries.length === 0) continue;
    context.line(`${context.paint(state.charAt(0).toUpperCase() + state.slice(1), colours[state])}:`);
    for (const entry of entries) {
      const hash = showHash ? digest(entry.hash) : "";
      context.line(`    ${hash === "" ? "" : `${hash}  `}${pathText(entry)}`);
    }
    context.line("");
    const files = entries.filter((entry) => !pathText(entry).endsWith("/")).length;
    if (files > 0) counts.push(`${String(files)} ${state}`);
  }
  if (counts.length > 0) context.line(`files summary: ${counts.join(", ")}`);
}
