import { type Command, defineCommand, flag } from "../command.ts";

/** `trust`. */
export const trust: Command = defineCommand({
  name: "trust",
  summary: "Let this project's own config name credential files, programs and other folders.",
  description:
    "A repository that you cloned may name, in its committed .dvc/config, credential files of yours, programs to run, a cache outside of it, or another place for a secret of yours. None of that counts before you say so here. What you trust is the config as it is now: when it changes, you are asked again. In CI use --trust, or HOLDFAST_TRUST=1.",
  examples: [
    { text: "What the config names, without trusting it", command: "trust --show" },
    { text: "Trust it", command: "trust" },
    { text: "No longer", command: "trust --revoke" },
  ],
  options: {
    show: flag("--show", "Only show what the config names, and whether it is trusted.", { group: "what" }),
    revoke: flag("--revoke", "Don't trust this project any longer.", { group: "what" }),
  },
  positionals: {},
  async run(context, { show, revoke }) {
    const { setTrust, trustState } = await import("@holdfast/core/api/trust");
    const repo = await context.open();
    return show ? trustState(repo) : setTrust(repo, !revoke);
  },
  render({ root, trusted, settings }, context) {
    for (const { key, value, reason } of settings) context.line(`${reason}: ${key} = ${value}`);
    if (settings.length === 0) context.line("The config names no credential file, no program and no cache elsewhere.");
    context.line(`${root} is ${trusted ? "trusted" : "not trusted"}.`);
  },
});
