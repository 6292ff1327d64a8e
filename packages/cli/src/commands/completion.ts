import { type Command, choice, defineCommand } from "../command.ts";

/** `completion`. */
export const completion: Command = defineCommand({
  name: "completion",
  summary: "Print a script that completes commands in a shell.",
  docs: "completion",
  examples: [
    {
      text: "For bash, in this shell",
      command: "completion -s bash > ~/.holdfast-completion && . ~/.holdfast-completion",
    },
    { text: "For fish", command: "completion -s fish > ~/.config/fish/completions/holdfast.fish" },
  ],
  options: { shell: choice("-s/--shell", ["bash", "zsh", "fish"], "The shell.", "bash") },
  positionals: {},
  json: false,
  run: (context, { shell }) => context.host.completionScript(shell),
  render(script, context) {
    context.forced(script.trimEnd());
  },
});
