import { type Command, defineCommand, defined, flag, int, some, text } from "../command.ts";
import { remoteOption } from "./sharedOptions.ts";

/** `add`. */
export const add: Command = defineCommand({
  name: "add",
  summary: "Track files or folders.",
  description:
    "Puts files or folders into the cache and writes a small .dvc file for each, which Git keeps in their place.",
  docs: "add",
  examples: [
    { text: "Track a folder, then hand its pointer file to Git", command: "add data" },
    { text: "Update one file inside a tracked folder", command: "add data/labels.csv" },
    {
      text: "Send a large file straight to the remote, without a copy here",
      command: "add --to-remote /mnt/scans.tar -o scans.tar",
    },
  ],
  options: {
    noCommit: flag("--no-commit", "Only write the .dvc file; put nothing into the cache."),
    glob: flag("--glob", "The targets are patterns such as 'data/*.csv'."),
    out: text("-o/--out", "<path>", "Copy the target to this path and track it there.", { complete: "file" }),
    toRemote: flag("--to-remote", "Send the target straight to the remote."),
    remote: remoteOption("With --to-remote: the remote to send to."),
    remoteJobs: int("--remote-jobs", "<number>", "With --to-remote: how many uploads run side by side."),
    force: flag("-f/--force", "Replace a file that is in the way."),
    noRelink: flag("--no-relink", "Leave the files as they are instead of linking them to the cache."),
  },
  positionals: { targets: some("Files or folders to track.", "file") },
  failure: "",
  async run(context, { targets, out, toRemote, remote, remoteJobs, ...rest }) {
    const { noCommit, glob, force, noRelink } = rest;
    const { add: addTargets } = await import("@holdfast/core/api/add");
    const options = defined({ noCommit, glob, out, toRemote, remote, remoteJobs, force, noRelink });
    return addTargets(await context.open(), targets, { ...context.call, ...options });
  },
});
