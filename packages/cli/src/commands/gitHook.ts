import { NotDvcRepoError } from "@holdfast/core";
import { type Command, type CommandGroup, defineCommand, many, requiredText } from "../command.ts";
import type { Context } from "../context.ts";

const args = many("What Git or the pre-commit tool hands over.");

/** Whether there is a project around the working folder; Git runs the hooks in all repositories. */
async function isInProject(context: Context): Promise<boolean> {
  try {
    (await context.open()).close();
    return true;
  } catch (error) {
    if (error instanceof NotDvcRepoError) return false;
    throw error;
  }
}

/** Runs another command of ours as if it were typed, in this process. */
function runCommand(context: Context, name: string): Promise<number> {
  context.output.finish();
  return context.host.run([name]);
}

function hook(
  name: string,
  summary: string,
  work: (context: Context, words: readonly string[]) => Promise<number>,
): Command {
  return defineCommand({
    name,
    summary,
    examples: [],
    options: {},
    positionals: { args },
    json: false,
    run: async (context, values) => ((await isInProject(context)) ? work(context, values.args) : 0),
    exitCode: (code) => code,
  });
}

const mergeDriver: Command = defineCommand({
  name: "merge-driver",
  summary: "Merge two versions of a .dvc file.",
  examples: [],
  options: {
    ancestor: requiredText("--ancestor", "ancestor", "The version both come from."),
    our: requiredText("--our", "our", "This branch's version; the result is written here."),
    their: requiredText("--their", "their", "The other branch's version."),
  },
  positionals: {},
  json: false,
  async run(context, { ancestor, our, their }) {
    if (!(await isInProject(context))) return;
    const { mergeDvcFiles } = await import("@holdfast/core/api/gitHook");
    await mergeDvcFiles(await context.open(), { ancestor, our, their }, context.call);
  },
});

/** `git-hook`: what the hooks that `install` writes call. */
export const gitHook: CommandGroup = {
  name: "git-hook",
  summary: "Run a Git hook.",
  hidden: true,
  commandsHelp: "Which hook.",
  commands: [
    hook("pre-commit", "Show the status.", (context) => runCommand(context, "status")),
    hook("post-checkout", "Bring the data along after a checkout.", async (context, words) => {
      const { postCheckoutApplies } = await import("@holdfast/core/api/gitHook");
      return postCheckoutApplies(context.env, words) ? runCommand(context, "checkout") : 0;
    }),
    hook("pre-push", "Send the data along with a push.", (context) => runCommand(context, "push")),
    mergeDriver,
  ],
};
