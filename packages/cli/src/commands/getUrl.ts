import { type Command, defineCommand, defined, flag, maybe, one, pairs } from "../command.ts";
import { jobs } from "./sharedOptions.ts";

/** `get-url`. */
export const getUrl: Command = defineCommand({
  name: "get-url",
  summary: "Copy a file or folder from a path or URL.",
  docs: "get-url",
  examples: [{ text: "A folder of a bucket", command: "get-url s3://bucket/scans data" }],
  options: {
    jobs,
    force: flag("-f/--force", "Replace what is there."),
    fsConfig: pairs("--fs-config", "Options of the storage."),
  },
  positionals: { url: one("Path or URL.", "file"), out: maybe("Path to copy to.", "dir") },
  failure: ({ url }) => `failed to get '${url}'`,
  async run(context, { url, out, json: _json, ...rest }) {
    const { getUrl: get } = await import("@holdfast/core/api/getUrl");
    return get(context.env, url, out, { ...context.call, ...defined(rest) });
  },
});
