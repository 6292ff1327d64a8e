import { type Command, defineCommand, defined, flag, maybe, one, pairs } from "../command.ts";
import { jobs, remoteOption } from "./sharedOptions.ts";

/** `import-url`. */
export const importUrl: Command = defineCommand({
  name: "import-url",
  summary: "Copy data from a path or URL and track it.",
  description: "Like get-url, but it also writes a .dvc file that remembers where the data came from.",
  docs: "import-url",
  examples: [
    { text: "A folder of another disk", command: "import-url /mnt/scans data" },
    { text: "A file on a remote of the config", command: "import-url remote://archive/labels.csv" },
  ],
  options: {
    toRemote: flag("--to-remote", "Send the data straight to the remote."),
    remote: remoteOption("With --to-remote: the remote to send to."),
    noExec: flag("--no-exec", "Only write the .dvc file.", { group: "exec" }),
    noDownload: flag("--no-download", "Only record the version; leave the data for pull.", { group: "exec" }),
    jobs,
    force: flag("-f/--force", "Replace what is there."),
    versionAware: flag("--version-aware", "Import using cloud versioning."),
    fsConfig: pairs("--fs-config", "Options of the storage."),
  },
  positionals: { url: one("Path or URL.", "file"), out: maybe("Path to copy to.", "dir") },
  failure: ({ url }, programName) =>
    `failed to import ${url}. You could also try downloading it manually, and adding it with \`${programName} add\`.`,
  async run(context, { url, json: _json, ...rest }) {
    const { importUrl: importFrom } = await import("@holdfast/core/api/importUrl");
    return importFrom(await context.open(), url, { ...context.call, ...defined(rest) });
  },
});
