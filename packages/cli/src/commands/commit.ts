import { type Command, defineCommand, flag } from "../command.ts";
import { inContext } from "../exit.ts";
import { recursive, targets, withDeps } from "./sharedOptions.ts";

/** `commit`. */
export const commit: Command = defineCommand({
  name: "commit",
  summary: "Record tracked files as they are now.",
  description:
    "Stores the present version of tracked files and folders in the cache and updates the files that point to them.",
  docs: "commit",
  examples: [
    { text: "Record a changed data set without asking", command: "commit -f data.dvc" },
    { text: "Record everything that changed", command: "commit" },
  ],
  options: {
    force: flag("-f/--force", "Don't ask about stages whose files changed."),
    withDeps,
    recursive,
    noRelink: flag("--no-relink", "Leave the files as they are instead of linking them to the cache."),
  },
  positionals: { targets },
  async run(context, { targets: names, force, withDeps: deps, recursive: below, noRelink }) {
    const { commit: commitTarget } = await import("@holdfast/core/api/commit");
    const repo = await context.open();
    const committed: string[] = [];
    for (const target of names.length === 0 ? [undefined] : names) {
      const result = await inContext(`failed to commit${target === undefined ? "" : ` ${target}`}`, () =>
        commitTarget(repo, target, {
          ...context.call,
          force,
          withDeps: deps,
          recursive: below,
          noRelink,
          confirm: context.confirm,
        }),
      );
      committed.push(...result.committed);
    }
    return { committed };
  },
});
