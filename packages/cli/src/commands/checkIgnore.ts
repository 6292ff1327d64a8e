import { UsageError } from "@holdfast/core";
import type { IgnoreAnswer } from "@holdfast/core/api/checkIgnore";
import { type Command, defineCommand, flag, many } from "../command.ts";
import type { Context } from "../context.ts";

/** `check-ignore`. */
export const checkIgnore: Command = defineCommand({
  name: "check-ignore",
  summary: "Tell which paths .dvcignore leaves out.",
  docs: "check-ignore",
  examples: [{ text: "Which rule leaves a file out?", command: "check-ignore -d logs/run.log" }],
  options: {
    details: flag("-d/--details", "Show the rule too."),
    all: flag("-a/--all", "With --details: show every rule that speaks of the path.", { hidden: true }),
    nonMatching: flag("-n/--non-matching", "With --details: show paths without a rule too."),
    stdin: flag("--stdin", "Read paths from standard input, one a line."),
  },
  positionals: { targets: many("Paths to check.", "file") },
  async run(context, values) {
    checkUsage(values, context.globals.quiet);
    const { checkIgnored } = await import("@holdfast/core/api/checkIgnore");
    const repo = await context.open();
    const answers: IgnoreAnswer[] = [];
    const check = (target: string): void => {
      const [answer] = checkIgnored(repo, [target]);
      if (answer === undefined) return;
      answers.push(answer);
      if (!values.json) print(answer, values, context);
    };
    if (!values.stdin) values.targets.forEach(check);
    else await eachLine(check);
    return answers;
  },
  // With --details DVC counts every path that a rule speaks of, also one that is let in again.
  exitCode: (answers, { details }) =>
    answers.some((answer) => (details ? answer.rules.length > 0 : answer.ignored)) ? 0 : 1,
});

interface Values {
  readonly details: boolean;
  readonly all: boolean;
  readonly nonMatching: boolean;
  readonly stdin: boolean;
  readonly targets: readonly string[];
}

function checkUsage(values: Values, quiet: boolean): void {
  if (!values.stdin && values.targets.length === 0) throw new UsageError("`targets` or `--stdin` needed");
  if (values.stdin && values.targets.length > 0) throw new UsageError("cannot have both `targets` and `--stdin`");
  if (values.nonMatching && !values.details) throw new UsageError("`--non-matching` is only valid with `--details`");
  if (values.all && !values.details) throw new UsageError("`--all` is only valid with `--details`");
  if (quiet && values.details) throw new UsageError("cannot use both `--details` and `--quiet`");
}

/** Lines as they come, so that a person or a program at the other end gets each answer at once. An empty one ends it. */
async function eachLine(check: (line: string) => void): Promise<void> {
  const { readLine } = await import("../prompt.ts");
  for (let line = readLine(); line !== undefined && line !== ""; line = readLine()) check(line);
}

function print(answer: IgnoreAnswer, values: Values, context: Context): void {
  if (!values.details) {
    if (answer.ignored) context.line(answer.path);
  } else {
    const rules = answer.rules.length === 0 && values.nonMatching ? ["::"] : answer.rules;
    for (const rule of values.all ? rules : rules.slice(-1)) context.line(`${rule}\t${answer.path}`);
  }
  if (values.stdin) context.output.finish();
}
