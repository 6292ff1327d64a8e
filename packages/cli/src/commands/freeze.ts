import { type Command, defineCommand, some } from "../command.ts";
import type { Context } from "../context.ts";
import { CommandFailure, isExpected, reportFailure } from "../exit.ts";

interface Outcome {
  readonly stages: readonly string[];
  readonly failed: number;
}

/** Each target by itself: a failing one is reported, the others are still done. */
async function runEach(context: Context, verb: "freeze" | "unfreeze", targets: readonly string[]): Promise<Outcome> {
  const api = await import("@holdfast/core/api/freeze");
  const repo = await context.open();
  const stages: string[] = [];
  let failed = 0;
  for (const target of targets) {
    try {
      stages.push(...(await api[verb](repo, target, context.call)).stages);
    } catch (error) {
      if (!isExpected(error)) throw error;
      reportFailure(new CommandFailure(`failed to ${verb} '${target}'`, error), undefined, context.output);
      failed++;
    }
  }
  return { stages, failed };
}

/** `freeze`. */
export const freeze: Command = defineCommand({
  name: "freeze",
  summary: "Keep stages or imports from being brought up to date.",
  docs: "freeze",
  examples: [{ text: "Don't run a slow stage again", command: "freeze featurize" }],
  options: {},
  positionals: { targets: some("Stages or .dvc files.", "stage") },
  run: (context, { targets }) => runEach(context, "freeze", targets),
  toJson: ({ stages }) => ({ frozen: true, stages }),
  exitCode: ({ failed }) => (failed > 0 ? 1 : 0),
});

/** `unfreeze`. */
export const unfreeze: Command = defineCommand({
  name: "unfreeze",
  summary: "Let frozen stages or imports be brought up to date again.",
  docs: "unfreeze",
  examples: [{ text: "Take a freeze back", command: "unfreeze featurize" }],
  options: {},
  positionals: { targets: some("Stages or .dvc files.", "stage") },
  run: (context, { targets }) => runEach(context, "unfreeze", targets),
  toJson: ({ stages }) => ({ frozen: false, stages }),
  exitCode: ({ failed }) => (failed > 0 ? 1 : 0),
});
