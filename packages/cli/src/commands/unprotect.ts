import { type Command, defineCommand, some } from "../command.ts";
import { inContext } from "../exit.ts";

/** `unprotect`. */
export const unprotect: Command = defineCommand({
  name: "unprotect",
  summary: "Turn links to the cache into files of their own, safe to edit.",
  docs: "unprotect",
  examples: [{ text: "Before editing a file that is a link", command: "unprotect data/labels.csv" }],
  options: {},
  positionals: { targets: some("Tracked files or folders.", "file") },
  async run(context, { targets }) {
    const { unprotect: unprotectTargets } = await import("@holdfast/core/api/unprotect");
    const repo = await context.open();
    const unprotected: string[] = [];
    for (const target of targets) {
      const result = await inContext(`failed to unprotect '${target}'`, () =>
        unprotectTargets(repo, [target], context.call),
      );
      unprotected.push(...result.unprotected);
    }
    return { unprotected };
  },
});
