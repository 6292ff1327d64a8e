import type { RunStageOptions } from "./runStage.ts";

/** How stages are brought up to date. */
export interface ReproOptions extends RunStageOptions {
  /** Ask before each stage that is to run. */
  readonly interactive?: boolean;
  /** Only the targets, nothing that they need. */
  readonly singleItem?: boolean;
  /** The whole pipelines that the targets belong to. */
  readonly pipeline?: boolean;
  /** Every stage of the project. */
  readonly allPipelines?: boolean;
  /** A folder stands for all stages below it. */
  readonly recursive?: boolean;
  /** From the targets on, to all that needs them. */
  readonly downstream?: boolean;
  /** What needs a stage that ran runs too. */
  readonly forceDownstream?: boolean;
  /** Names of stages are patterns. */
  readonly glob?: boolean;
  /** What happens after a stage failed: stop, leave out what needs it, or go on as if nothing were. Default "fail". */
  readonly onError?: "fail" | "keep-going" | "ignore";
  /** How many stages run side by side. Default 1: one after the other, with the terminal's own input and output. */
  readonly jobs?: number;
  /** Asked with `interactive`; without it the answer is no. */
  readonly confirm?: (question: string) => Promise<boolean>;
}
