import { CheckoutError } from "@holdfast/core";
import { type Command, defineCommand, flag } from "../command.ts";
import type { Context } from "../context.ts";
import type { CheckoutResult } from "@holdfast/core/api/checkout";
import { askingBeforeLoss, changesOf, changeSummary, printChanges } from "./changes.ts";
import { recursive, targets, withDeps } from "./sharedOptions.ts";

/** `checkout`. */
export const checkout: Command = defineCommand({
  name: "checkout",
  summary: "Bring the workspace to what is recorded.",
  description:
    "Puts tracked files and folders into the workspace from the cache, as the .dvc files and dvc.lock record them.",
  docs: "checkout",
  examples: [
    { text: "Restore a whole snapshot: code by Git, data by this", command: "checkout" },
    { text: "Restore one data set", command: "checkout data.dvc" },
    { text: "Make all files links again after changing cache.type", command: "checkout --relink" },
  ],
  options: {
    summary: flag("--summary", "Print only how many files changed."),
    withDeps,
    recursive,
    force: flag("-f/--force", "Replace files whose content is not in the cache."),
    relink: flag("--relink", "Link or copy every file anew, also unchanged ones."),
    allowMissing: flag("--allow-missing", "Don't fail when objects are missing in the cache."),
  },
  positionals: { targets },
  async run(context, { targets: names, summary, withDeps: deps, recursive: below, force, relink, allowMissing, json }) {
    const { checkout: checkoutTargets } = await import("@holdfast/core/api/checkout");
    const options = { ...context.call, withDeps: deps, recursive: below, force, relink, allowMissing };
    const repo = await context.open();
    try {
      return await askingBeforeLoss(context, force, (agreed) =>
        checkoutTargets(repo, names, { ...options, force: agreed }),
      );
    } catch (error) {
      const partly = error instanceof CheckoutError ? changesOf(error) : undefined;
      if (partly !== undefined && !json) print(partly, summary, context);
      throw error;
    }
  },
  render(result, context, { summary, relink }) {
    print(result, summary, context);
    if (relink) context.line("Relinked successfully");
  },
});

function print(result: CheckoutResult, summary: boolean, context: Context): void {
  if (summary) context.line(changeSummary(result.stats) || "No changes.");
  else printChanges(result, context);
}
