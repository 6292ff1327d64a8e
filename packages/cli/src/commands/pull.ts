import { CheckoutError } from "@holdfast/core";
import { type Command, defineCommand, defined, flag, toggle } from "../command.ts";
import { askingBeforeLoss, changesOf, changeSummary, printChanges, printTransfer } from "./changes.ts";
import { jobs, recursive, remoteOption, revisions, targets, withDeps } from "./sharedOptions.ts";

/** `pull`. */
export const pull: Command = defineCommand({
  name: "pull",
  summary: "Bring data from the remote into the workspace.",
  description: "Downloads what is missing in the cache, then checks it out: fetch and checkout in one.",
  docs: "pull",
  examples: [
    { text: "After cloning a repository: get its data", command: "pull" },
    { text: "Only one tracked folder, or a part of it", command: "pull data/images" },
  ],
  options: {
    jobs,
    remote: remoteOption("The remote to read from (default: core.remote)."),
    ...revisions,
    force: flag("-f/--force", "Replace files whose content is not in the cache."),
    withDeps,
    recursive,
    runCache: toggle("--run-cache", "Also fetch the record of past runs."),
    glob: flag("--glob", "The targets are patterns.", { hidden: true }),
    allowMissing: flag("--allow-missing", "Don't fail when objects are missing everywhere."),
  },
  positionals: { targets },
  failure: "failed to pull data from the cloud",
  async run(context, { targets: names, json, ...rest }) {
    const { pull: pullTargets } = await import("@holdfast/core/api/pull");
    const repo = await context.open();
    const hasRemote = rest.remote !== undefined || repo.config.get("core", "remote") !== undefined;
    try {
      const options = { ...context.call, ...defined(rest) };
      const result = await askingBeforeLoss(context, rest.force, (force) =>
        pullTargets(repo, names, { ...options, force }),
      );
      return { ...result, hasRemote };
    } catch (error) {
      const partly = error instanceof CheckoutError ? changesOf(error) : undefined;
      if (partly !== undefined && !json) {
        printChanges(partly, context);
        printTransfer(changeSummary(partly.stats, fetchedBefore(error)), context, hasRemote);
      }
      throw error;
    }
  },
  toJson: ({ hasRemote: _hasRemote, ...result }) => result,
  render(result, context) {
    printChanges(result, context);
    printTransfer(changeSummary(result.stats, result.fetched), context, result.hasRemote);
  },
});

function fetchedBefore(error: unknown): number {
  return typeof error === "object" && error !== null && "fetched" in error ? Number(error.fetched) : 0;
}
