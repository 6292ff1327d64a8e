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
  async run(context, { shell }) {
    const [{ completionScript }, { commands }] = await Promise.all([
      import("../completion/script.ts"),
      import("./index.ts"),
    ]);
    return completionScript(shell, await Promise.all(commands.map((one) => one.load())), context.programName);
  },
  render(script, context) {
    context.forced(script.trimEnd());
  },
});
