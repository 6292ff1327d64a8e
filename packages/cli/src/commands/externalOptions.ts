import { type OptionSpec, optionalText, pairs, text } from "../command.ts";

/** Options of commands that look into another repository. */
export const externalOptions: {
  readonly rev: OptionSpec<string | undefined>;
  readonly config: OptionSpec<string | undefined>;
  readonly remote: OptionSpec<string | undefined>;
  readonly remoteConfig: OptionSpec<Readonly<Record<string, string>> | undefined>;
} = {
  rev: optionalText("--rev", "<commit>", "A Git revision: commit, branch or tag."),
  config: text("--config", "<path>", "A config file to merge into that of the repository.", { complete: "file" }),
  remote: text("--remote", "<name>", "The remote to use as the default there.", { complete: "remote" }),
  remoteConfig: pairs("--remote-config", "Options to merge into the remote used there."),
};
