import { UsageError } from "@holdfast/core";
import type { UndoEntry, UndoResult } from "@holdfast/core/api/undo";
import { type Command, defineCommand, flag } from "../command.ts";
import type { Context } from "../context.ts";

/** So many changes of one command are printed; `--json` has all. */
const MOST = 50;

/** `undo`. */
export const undo: Command = defineCommand({
  name: "undo",
  summary: "Take back what the last command did.",
  description:
    "Takes back what the last command changed here: .dvc files, dvc.yaml, dvc.lock and .gitignore get the text that they had, data comes back from the cache and the trash, objects that gc removed from the trash. Again, it goes one command further back; --redo goes forward again. Git's commits and tags are not touched: after 'snapshot restore' Git goes back to the branch that it was on, and 'snapshot save' and 'purge' can't be taken back. Refuses when something was changed since.",
  examples: [
    { text: "See what would be taken back", command: "undo --dry-run" },
    { text: "Take it back", command: "undo" },
    { text: "Do again what was taken back", command: "undo --redo" },
    { text: "What can be taken back", command: "undo --list" },
  ],
  options: {
    list: flag("-l/--list", "Say what can be taken back, newest first."),
    redo: flag("-r/--redo", "Do again what the last undo took back."),
    dryRun: flag("-n/--dry-run", "Only say what would be done."),
    force: flag("-f/--force", "Also over files changed since: what they hold goes into .dvc/tmp/trash."),
  },
  positionals: {},
  async run(context, { list, redo, dryRun, force }): Promise<UndoResult | UndoEntry[]> {
    const { undo: takeBack, undoList } = await import("@holdfast/core/api/undo");
    const repo = await context.open();
    if (!list) return takeBack(repo, { ...context.call, redo, dry: dryRun, force });
    if (redo || dryRun || force) throw new UsageError("`--list` takes no other options");
    return undoList(repo);
  },
  render(result, context, { dryRun, redo }) {
    if (!Array.isArray(result)) {
      const [would, did] = redo ? ["Would redo", "Redid"] : ["Would undo", "Undid"];
      printOne(result, context, dryRun ? would : did);
      return;
    }
    if (result.length === 0) context.line("There is nothing to undo.");
    for (const { verb, at, changes, isUndone } of result) {
      const [first] = changes;
      const more = changes.length > 1 ? ` and ${String(changes.length - 1)} more` : "";
      const state = isUndone ? "  (undone)" : "";
      context.line(`${when(at)}  ${verb.padEnd(16)}  ${first?.path ?? ""}${more}${state}`);
    }
  },
});

function printOne({ verb, at, changes, isPassedOver }: UndoResult, context: Context, action: string): void {
  if (isPassedOver === true) {
    context.line(
      `Passed over '${verb}' of ${when(at)}: what it did stays. The next undo takes back what was before it.`,
    );
    return;
  }
  context.line(`${action} '${verb}' of ${when(at)}:`);
  for (const change of changes.slice(0, MOST)) context.line(`  ${change.action.padEnd(10)}  ${change.path}`);
  if (changes.length > MOST) context.line(`  … and ${String(changes.length - MOST)} more (--json tells all)`);
}

/** Local time, to the second. */
function when(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${String(date.getFullYear())}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
