import { type Command, defineCommand, defined, flag, toggle } from "../command.ts";
import { summary } from "../render/humane.ts";
import { printTransfer } from "./changes.ts";
import { jobs, recursive, remoteOption, revisions, targets, withDeps } from "./sharedOptions.ts";

/** `push`. */
export const push: Command = defineCommand({
  name: "push",
  summary: "Send objects from the cache to the remote.",
  description: "Uploads what the remote lacks: files first, then the manifests that name them.",
  docs: "push",
  examples: [
    { text: "Everything the workspace uses", command: "push" },
    { text: "Every version of every branch and tag", command: "push -a -T" },
    { text: "Make sure that the remote has it, byte by byte", command: "push --verify" },
    { text: "One data set to another remote", command: "push data.dvc -r backup" },
  ],
  options: {
    jobs,
    remote: remoteOption("The remote to write to (default: core.remote)."),
    ...revisions,
    withDeps,
    recursive,
    runCache: toggle("--run-cache", "Also send the record of past runs."),
    glob: flag("--glob", "The targets are patterns such as 'data/*.dvc'."),
    verify: flag("--verify", "Afterwards read each object of the targets back from the remote and hash it.", {
      own: true,
    }),
  },
  positionals: { targets },
  failure: "failed to push data to the cloud",
  async run(context, { targets: names, json: _json, ...rest }) {
    const { push: pushTargets } = await import("@holdfast/core/api/push");
    const repo = await context.open();
    const result = await pushTargets(repo, names, { ...context.call, ...defined(rest) });
    return { ...result, hasRemote: rest.remote !== undefined || repo.config.get("core", "remote") !== undefined };
  },
  toJson: ({ pushed, bytes, verified }) => ({ pushed, bytes, ...defined({ verified }) }),
  render(result, context) {
    printTransfer(summary([["pushed", result.pushed]]), context, result.hasRemote);
    if (result.verified !== undefined)
      context.line(`${String(result.verified)} objects read back from the remote; all are sound.`);
  },
});
