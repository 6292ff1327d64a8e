import { type Command, defineCommand, defined, flag, int, one, pairs } from "../command.ts";
import { lsColours } from "../render/lsColours.ts";
import { printList, printTree } from "./list.ts";

/** `list-url`. */
export const listUrl: Command = defineCommand({
  name: "list-url",
  aliases: ["ls-url"],
  summary: "List what is at a path or URL.",
  docs: "list-url",
  examples: [{ text: "A bucket, with sizes", command: "list-url s3://bucket/scans -R --size" }],
  options: {
    recursive: flag("-R/--recursive", "Include everything below."),
    tree: flag("-T/--tree", "Draw a tree."),
    level: int("-L/--level", "depth", "Go only this deep."),
    size: flag("--size", "Show sizes."),
    fsConfig: pairs("--fs-config", "Options of the storage."),
  },
  positionals: { url: one("Path or URL.", "dir") },
  async run(context, { url, tree, recursive, level, fsConfig }) {
    const api = await import("@holdfast/core/api/listUrl");
    const options = { ...context.call, ...defined({ recursive, level, fsConfig }) };
    if (tree) return { tree: await api.listUrlTree(context.env, url, options) };
    return { entries: await api.listUrl(context.env, url, options) };
  },
  toJson: (result) => result.entries ?? result.tree,
  render(result, context, { size }) {
    const colours = lsColours(context.paint, context.env.env);
    const columns = { size, showHash: false };
    if (result.tree !== undefined) printTree(result.tree, columns, colours, context);
    else if (result.entries.length > 0) {
      const entries = result.entries.map((entry) => ({ ...entry, isout: false, isexec: false, md5: null }));
      printList(entries, columns, colours, context);
    }
  },
});
