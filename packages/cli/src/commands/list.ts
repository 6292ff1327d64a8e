import { DvcError } from "@holdfast/core";
import type { ListEntry, ListTree } from "@holdfast/core/api/list";
import { type Command, defineCommand, defined, flag, int, maybe, one } from "../command.ts";
import type { Context } from "../context.ts";
import { isExpected, CommandFailure } from "../exit.ts";
import { naturalSize } from "../render/humane.ts";
import { type LsColours, lsColours } from "../render/lsColours.ts";
import { table } from "../render/table.ts";
import { externalOptions } from "./externalOptions.ts";

/** Which columns stand before the names. */
export interface Columns {
  readonly size: boolean;
  readonly showHash: boolean;
}

/** `list`. */
export const list: Command = defineCommand({
  name: "list",
  aliases: ["ls"],
  summary: "List what is in a repository, tracked data included.",
  docs: "list",
  examples: [
    { text: "This repository's tracked data", command: "list . -R --dvc-only" },
    {
      text: "A folder of another repository at a release, as a tree",
      command: "list https://github.com/iterative/dataset-registry use-cases --tree --rev main",
    },
  ],
  options: {
    recursive: flag("-R/--recursive", "Include everything below."),
    tree: flag("-T/--tree", "Draw a tree."),
    level: int("-L/--level", "depth", "Go only this deep."),
    dvcOnly: flag("--dvc-only", "Only tracked data."),
    json: flag("--json", "Print the result as JSON."),
    ...externalOptions,
    size: flag("--size", "Show sizes."),
    showHash: flag("--show-hash", "Show hashes."),
  },
  positionals: { url: one("Path or URL of the repository.", "dir"), path: maybe("A path within it.", "dir") },
  async run(context, { url, path, tree, json, recursive, level, dvcOnly, rev, config, remote, remoteConfig }) {
    if (tree && json) throw new DvcError("Cannot use --tree and --json options together.");
    const api = await import("@holdfast/core/api/list");
    const options = { ...context.call, ...defined({ recursive, level, dvcOnly, rev, config, remote, remoteConfig }) };
    try {
      if (tree) return { tree: await api.listTree(context.env, url, path, options) };
      return { entries: await api.list(context.env, url, path, options) };
    } catch (error) {
      if (!isExpected(error)) throw error;
      throw new CommandFailure(error.code === "not-found" ? "" : `failed to list '${url}'`, error);
    }
  },
  toJson: (result) => result.entries ?? result.tree,
  render(result, context, columns) {
    const colours = lsColours(context.paint, context.env.env);
    if (result.tree !== undefined) printTree(result.tree, columns, colours, context);
    else if (result.entries.length > 0) printList(result.entries, columns, colours, context);
  },
});

function rowOf(entry: ListEntry, name: string, columns: Columns): string[] {
  const row: string[] = [];
  if (columns.size) row.push(entry.size === null || (entry.size <= 0 && entry.isdir) ? "" : naturalSize(entry.size));
  if (columns.showHash) row.push(entry.md5 ?? "-");
  return [...row, name];
}

/** Prints names, one a line. */
export function printList(entries: readonly ListEntry[], columns: Columns, colours: LsColours, context: Context): void {
  if (!columns.size && !columns.showHash) {
    context.line(entries.map((entry) => colours(entry, entry.path)).join("\n"));
    return;
  }
  const rows = entries.map((entry) => rowOf(entry, colours(entry, entry.path), columns));
  context.block(table(rows, columns.size ? { right: [0] } : {}));
}

/** Draws a tree. */
export function printTree(
  tree: Readonly<Record<string, ListTree>>,
  columns: Columns,
  colours: LsColours,
  context: Context,
): void {
  const rows: string[][] = [];
  const walk = (level: Readonly<Record<string, ListTree>>, depth: number, prefix: string): void => {
    const entries = Object.entries(level);
    for (const [index, [name, entry]] of entries.entries()) {
      const isLast = index === entries.length - 1;
      const branch = depth === 0 ? "" : isLast ? "└── " : "├── ";
      rows.push(rowOf(entry, prefix + branch + colours(entry, name), columns));
      if (entry.contents !== undefined)
        walk(entry.contents, depth + 1, depth === 0 ? prefix : prefix + (isLast ? "    " : "│   "));
    }
  };
  walk(tree, 0, "");
  context.block(table(rows, columns.size ? { right: [0] } : {}));
}
