import { type Command, type CommandGroup, defineCommand, defined, flag, one, optionalText } from "../command.ts";
import { CommandFailure, isExpected } from "../exit.ts";
import { isCloneFailure } from "./cloneFailure.ts";
import { externalOptions } from "./externalOptions.ts";
import { jobs } from "./sharedOptions.ts";

const { rev: _rev, ...external } = externalOptions;

const get: Command = defineCommand({
  name: "get",
  summary: "Copy an artifact out of a repository, by version or stage.",
  description:
    "Artifacts are named in dvc.yaml; Git tags such as name@v1.2.3 and name#prod (GTO) say which commit is a version or in a stage.",
  docs: "artifacts/get",
  examples: [
    { text: "The newest version", command: "artifacts get https://github.com/iterative/example-get-started pool" },
    { text: "What is in production", command: "artifacts get ../registry models:digits --stage prod" },
  ],
  options: {
    rev: optionalText("--rev", "<version>", "A version of the artifact."),
    stage: optionalText("--stage", "<stage>", "A stage of the artifact."),
    out: optionalText("-o/--out", "<path>", "Path to copy to.", { complete: "dir" }),
    showUrl: flag("--show-url", "Only print where it lies on the remote."),
    jobs,
    force: flag("-f/--force", "Replace what is there."),
    ...external,
  },
  positionals: { url: one("Path or URL of the repository.", "dir"), name: one("Name of the artifact.") },
  async run(context, { url, name, showUrl, rev, json: _json, ...rest }) {
    const api = await import("@holdfast/core/api/artifacts");
    const options = { ...context.call, ...defined({ ...rest, version: rev }) };
    if (showUrl) return api.artifactUrl(context.env, url, name, options);
    try {
      return await api.getArtifact(context.env, url, name, options);
    } catch (error) {
      if (!isExpected(error)) throw error;
      throw new CommandFailure(
        isCloneFailure(error) ? `failed to get '${name}'` : `failed to get '${name}' from '${url}'`,
        error,
      );
    }
  },
  render(result, context) {
    if ("url" in result) context.forced(result.url);
    else context.line(`Downloaded ${String(result.nfiles)} file(s) to '${result.path}'`);
  },
});

/** `artifacts`. */
export const artifacts: CommandGroup = {
  name: "artifacts",
  summary: "Get models and other artifacts that a repository names.",
  docs: "artifacts",
  commandsHelp: "What to do with artifacts.",
  commands: [get],
};
