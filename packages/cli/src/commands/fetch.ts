import { appendChoice, type Command, defineCommand, defined, int, toggle } from "../command.ts";
import { summary } from "../render/humane.ts";
import { printTransfer } from "./changes.ts";
import { jobs, recursive, remoteOption, revisions, targets, withDeps } from "./sharedOptions.ts";

/** `fetch`. */
export const fetch: Command = defineCommand({
  name: "fetch",
  summary: "Bring objects from the remote into the cache.",
  description: "Downloads what is missing in the cache; the workspace stays as it is.",
  docs: "fetch",
  examples: [
    { text: "Everything the workspace needs", command: "fetch" },
    { text: "One folder of a tracked data set, from another remote", command: "fetch data/test -r backup" },
  ],
  options: {
    jobs,
    remote: remoteOption("The remote to read from (default: core.remote)."),
    ...revisions,
    withDeps,
    recursive,
    runCache: toggle("--run-cache", "Also fetch the record of past runs."),
    maxSize: int("--max-size", "<bytes>", "Leave out what is recorded as this large or larger."),
    types: appendChoice("--type", ["metrics", "plots"], "Only outputs of this kind."),
  },
  positionals: { targets },
  failure: "failed to fetch data from the cloud",
  async run(context, { targets: names, json: _json, types, ...rest }) {
    const { fetch: fetchTargets } = await import("@holdfast/core/api/fetch");
    const repo = await context.open();
    const result = await fetchTargets(repo, names, {
      ...context.call,
      ...defined(rest),
      ...(types.length === 0 ? {} : { types }),
    });
    return { ...result, hasRemote: rest.remote !== undefined || repo.config.get("core", "remote") !== undefined };
  },
  toJson: ({ fetched, bytes }) => ({ fetched, bytes }),
  render(result, context) {
    printTransfer(summary([["fetched", result.fetched]]), context, result.hasRemote);
  },
});
