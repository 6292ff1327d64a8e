import { type Command, defineCommand, defined, flag, one, optionalText } from "../command.ts";
import { CommandFailure, isExpected } from "../exit.ts";
import { externalOptions } from "./externalOptions.ts";
import { isCloneFailure } from "./cloneFailure.ts";
import { jobs } from "./sharedOptions.ts";

/** `get`. */
export const get: Command = defineCommand({
  name: "get",
  summary: "Copy a file or folder out of a repository.",
  description: "Takes tracked data or plain Git files, from a local or any Git repository. Needs no project here.",
  docs: "get",
  examples: [
    {
      text: "A data set at a release",
      command: "get https://github.com/iterative/dataset-registry use-cases/cats-dogs",
    },
    { text: "Where a file lies on the remote", command: "get . data.csv --show-url" },
  ],
  options: {
    out: optionalText("-o/--out", "<path>", "Path to copy to.", { complete: "dir" }),
    ...externalOptions,
    showUrl: flag("--show-url", "Only print where it lies on the remote."),
    jobs,
    force: flag("-f/--force", "Replace what is there."),
  },
  positionals: { url: one("Path or URL of the repository.", "dir"), path: one("A path within it.", "file") },
  async run(context, { url, path, showUrl, json: _json, ...rest }) {
    const api = await import("@holdfast/core/api/get");
    const options = { ...context.call, ...defined(rest) };
    if (showUrl) return api.getUrl(context.env, url, path, options);
    try {
      return await api.get(context.env, url, path, options);
    } catch (error) {
      if (!isExpected(error) || error.code === "not-found" || error.code === "missing-object") throw error;
      throw new CommandFailure(
        isCloneFailure(error) ? `failed to get '${path}'` : `failed to get '${path}' from '${url}'`,
        error,
      );
    }
  },
  render(result, context) {
    if ("url" in result) context.forced(result.url);
  },
});
