import { type Command, defineCommand, flag, some } from "../command.ts";

/** `remove`. */
export const remove: Command = defineCommand({
  name: "remove",
  aliases: ["rm"],
  summary: "Stop tracking files or folders, or delete stages.",
  docs: "remove",
  examples: [
    { text: "Stop tracking a folder; the folder stays", command: "remove data.dvc" },
    { text: "Delete the data too", command: "remove data.dvc --outs" },
  ],
  options: { outs: flag("--outs", "Delete the data in the workspace too.") },
  positionals: { targets: some(".dvc files, stages, or a dvc.yaml.", "stage") },
  failure: "",
  async run(context, { targets, outs }) {
    const { remove: removeTargets } = await import("@holdfast/core/api/remove");
    const repo = await context.open();
    const removed: string[] = [];
    for (const target of targets)
      removed.push(...(await removeTargets(repo, [target], { ...context.call, outs })).removed);
    return { removed };
  },
});
