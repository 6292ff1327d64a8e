import { type Command, defineCommand, defined, flag, one, optionalText } from "../command.ts";
import { CommandFailure, isExpected } from "../exit.ts";
import { isCloneFailure } from "./cloneFailure.ts";
import { externalOptions } from "./externalOptions.ts";
import { jobs } from "./sharedOptions.ts";

/** `import`. */
export const importCommand: Command = defineCommand({
  name: "import",
  summary: "Copy data out of another repository and track it.",
  description:
    "Like get, but it also writes a .dvc file that remembers where the data came from; update brings it up to date.",
  docs: "import",
  examples: [
    {
      text: "A folder of a registry at a release",
      command: "import https://github.com/iterative/dataset-registry use-cases --rev main",
    },
    { text: "Only note where it is; pull gets it later", command: "import ../registry data --no-download" },
  ],
  options: {
    out: optionalText("-o/--out", "<path>", "Path to copy to.", { complete: "dir" }),
    force: flag("-f/--force", "Replace what is there."),
    noExec: flag("--no-exec", "Only write the .dvc file.", { group: "exec" }),
    noDownload: flag("--no-download", "Only record the version; leave the data for pull.", { group: "exec" }),
    jobs,
    ...externalOptions,
  },
  positionals: { url: one("Path or URL of the repository.", "dir"), path: one("A path within it.", "file") },
  async run(context, { url, path, json: _json, ...rest }) {
    const { importData } = await import("@holdfast/core/api/import");
    const repo = await context.open();
    try {
      return await importData(repo, url, path, { ...context.call, ...defined(rest) });
    } catch (error) {
      if (!isExpected(error) || error.code === "missing-object" || isMissing(error, path)) throw error;
      throw new CommandFailure(
        isCloneFailure(error) ? `failed to import '${path}'` : `failed to import '${path}' from '${url}'.`,
        error,
      );
    }
  },
});

/** What is not there is no failure of the import for DVC, but an unexpected one. */
function isMissing(error: Error & { readonly code: string }, path: string): boolean {
  return error.code === "not-found" && error.message.endsWith(`: '${path}'`);
}
