import { type Command, defineCommand, defined, flag, optionalText, some } from "../command.ts";
import { jobs, remoteOption } from "./sharedOptions.ts";

/** `update`. */
export const update: Command = defineCommand({
  name: "update",
  summary: "Bring imports up to date with their source.",
  docs: "update",
  examples: [
    { text: "To the newest commit of the source", command: "update data.dvc" },
    { text: "To another release", command: "update data.dvc --rev v2" },
  ],
  options: {
    rev: optionalText("--rev", "<commit>", "A Git revision of the source: commit, branch or tag."),
    recursive: flag("-R/--recursive", "Include everything below the folders given."),
    noDownload: flag("--no-download", "Only record the version; leave the data for pull."),
    toRemote: flag("--to-remote", "Send the data straight to the remote."),
    remote: remoteOption("With --to-remote: the remote to send to."),
    jobs,
  },
  positionals: { targets: some(".dvc files to update.", "dvcFile") },
  failure: "failed update data",
  async run(context, { targets, json: _json, ...rest }) {
    const { update: updateTargets } = await import("@holdfast/core/api/update");
    return updateTargets(await context.open(), targets, { ...context.call, ...defined(rest) });
  },
});
