import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Command, choice, defineCommand, defined, flag, maybe, text } from "../command.ts";

/** `demo`. */
export const demo: Command = defineCommand({
  name: "demo",
  summary: "Play the whole story with a real data set and a real model, and prove each step.",
  description:
    "Makes a folder with a small machine-learning project, versions, tags, pushes, clones, pulls and restores it, and checks every claim by reading bytes.",
  examples: [
    { text: "In a new folder, with nothing but this machine", command: "demo" },
    { text: "With your own bucket", command: "demo mydemo --remote s3 --url s3://bucket/demo --profile me" },
  ],
  options: {
    remote: choice("--remote", ["folder", "s3"], "Where the story's data goes.", "folder"),
    url: text("--url", "<url>", "With s3: the bucket and prefix."),
    endpointUrl: text("--endpoint-url", "<url>", "With s3: an S3-compatible server."),
    region: text("--region", "<name>", "With s3: the region."),
    profile: text("--profile", "<name>", "With s3: the profile with the credentials."),
    force: flag("-f/--force", "Accepted for scripts: a folder that an earlier demo made is made anew anyway."),
  },
  positionals: { dir: maybe("The folder (default: holdfast-demo).", "dir") },
  failure: "",
  async run(context, { dir, remote, url, endpointUrl, region, profile }) {
    const { demo: play } = await import("@holdfast/core/api/demo");
    const binary = realpathSync(process.argv[1] ?? "");
    const options = {
      exemplar: exemplarBeside(binary),
      binary,
      remote,
      ...defined({ url, endpointUrl, region, profile }),
    };
    return play(context.env, dir, { ...context.call, ...options });
  },
  exitCode: (result) => (result.ok ? 0 : 1),
});

/** The exemplar as packed with the program, or the one of a source tree. */
function exemplarBeside(binary: string): string {
  const packed = join(dirname(binary), "..", "exemplar");
  return existsSync(packed) ? packed : join(dirname(binary), "..", "..", "..", "examples", "exemplar");
}
