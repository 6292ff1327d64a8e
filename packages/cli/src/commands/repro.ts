import { UsageError } from "@holdfast/core";
import { type Command, defined, defineCommand, flag, int, many, type OptionSpec } from "../command.ts";
import type { Context } from "../context.ts";
import { explanationText } from "../render/explanation.ts";
import { immediately } from "../render/immediate.ts";
import { endByTerm } from "../termination.ts";

type OnError = "keep-going" | "ignore";

function onError(flags: string, value: OnError, help: string): OptionSpec<OnError | undefined> {
  return { flags: flags.split("/"), kind: "const", const: value, default: undefined, dest: "onError", help };
}

/** `repro`. */
export const repro: Command = defineCommand({
  name: "repro",
  summary: "Run the stages of pipelines whose inputs changed.",
  description:
    "Brings stages up to date in the order in which they need each other. What ran before with the same inputs is restored instead of run.",
  docs: "repro",
  examples: [
    { text: "Bring everything in ./dvc.yaml up to date", command: "repro" },
    { text: "See what one stage would need", command: "repro --dry train" },
    { text: "All pipelines of the project, going on after failures", command: "repro -P -k" },
    { text: "Up to four stages at once", command: "repro -j 4" },
    { text: "Why would something run?", command: "repro --explain" },
  ],
  options: {
    force: flag("-f/--force", "Run even what has not changed."),
    interactive: flag("-i/--interactive", "Ask before each stage."),
    singleItem: flag("-s/--single-item", "Only the stages given, nothing that they need."),
    pipeline: flag("-p/--pipeline", "The whole pipelines that the stages belong to."),
    allPipelines: flag("-P/--all-pipelines", "Every stage of the project."),
    recursive: flag("-R/--recursive", "All stages in the folders given."),
    downstream: flag("--downstream", "Begin at the stages given and go on to all that needs them."),
    forceDownstream: flag("--force-downstream", "Run also everything that needs a stage that ran."),
    pull: flag("--pull", "Fetch missing data from the remote."),
    allowMissing: flag("--allow-missing", "Leave stages alone of which only the data is missing."),
    dry: flag("--dry", "Only print what would run."),
    onError: onError(
      "-k/--keep-going",
      "keep-going",
      "Go on after a failure with what does not need the failed stage.",
    ),
    ignoreErrors: onError("--ignore-errors", "ignore", "Go on after failures, whatever needs the failed stages."),
    glob: flag("--glob", "The targets are patterns of stage names."),
    noCommit: flag("--no-commit", "Only hash the results, don't store them in the cache."),
    noRunCache: flag("--no-run-cache", "Run even what ran before with the same inputs."),
    jobs: int("-j/--jobs", "<number>", "How many stages may run at once. Default: HOLDFAST_JOBS, else 1.", {
      own: true,
    }),
    explain: flag("--explain", "Say of each stage whether it would run and why; run nothing.", { own: true }),
  },
  positionals: { targets: many("Stages, dvc.yaml or .dvc files; ./dvc.yaml when none is given.", "stage") },
  async run(context, { targets, json, ignoreErrors: _ignore, onError: mode, jobs, explain, ...rest }) {
    const options = { ...rest, ...defined({ onError: mode, jobs: jobs ?? jobsOf(context) }) };
    if (explain) {
      const { explain: explainStages } = await import("@holdfast/core/api/explain");
      return explainStages(await context.open(), targets, { ...context.call, ...options });
    }
    const { repro: reproduce, interruption } = await import("@holdfast/core/api/repro");
    try {
      return await reproduce(await context.open(), targets, {
        ...context.call,
        reporter: immediately(context.output),
        ...options,
        stdoutToStderr: json,
        confirm: context.confirm,
      });
    } finally {
      if (interruption() === "SIGTERM") endByTerm(context);
    }
  },
  render(result, context) {
    if ("stages" in result) {
      context.block(explanationText(result.stages, context.paint));
      return;
    }
    if (result.reproduced.length === 0) context.line("Data and pipelines are up to date.");
    else context.line(`Use \`${context.programName} push\` to send your updates to remote storage.`);
  },
});

/** The number of jobs that the environment asks for. @throws {UsageError} when it is none. */
function jobsOf(context: Context): number | undefined {
  const word = context.env.env["HOLDFAST_JOBS"];
  if (word === undefined || word === "") return undefined;
  const jobs = Number(word);
  if (Number.isInteger(jobs) && jobs > 0) return jobs;
  throw new UsageError(`HOLDFAST_JOBS is to be a number of stages, not '${word}'`);
}
