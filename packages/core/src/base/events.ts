/** What becomes of a stage: `done` has run (or was recorded anew), `dropped` was not begun because of a failure. */
export type StageState = "running" | "skipped" | "restored" | "done" | "failed" | "dropped";

/** Everything a verb tells its caller while it works. The library only emits; the CLI and the UI draw. */
export type Event =
  /** Text for a person, DVC's words. `info` goes to stdout, `warning` and `error` to stderr. */
  | {
      readonly type: "message";
      readonly level: "debug" | "info" | "warning" | "error";
      readonly text: string;
      /** Address of the stage it is about, when stages run side by side. */
      readonly stage?: string;
    }
  /** Stages that are to run side by side, in order; then what becomes of each. */
  | { readonly type: "stages"; readonly stages: readonly string[] }
  | { readonly type: "stage"; readonly stage: string; readonly state: StageState }
  /** A line that the command of a stage printed, when stages run side by side. */
  | {
      readonly type: "output";
      readonly stage: string;
      readonly stream: "stdout" | "stderr";
      readonly text: string;
    }
  /** A long step begins. Totals may be unknown and may grow by later `progress` events. */
  | { readonly type: "start"; readonly task: string; readonly items?: number; readonly bytes?: number }
  /** Absolute counts so far for `task`; emit at most some 20 a second. */
  | {
      readonly type: "progress";
      readonly task: string;
      readonly items: number;
      readonly bytes: number;
      readonly totalItems?: number;
      readonly totalBytes?: number;
    }
  | { readonly type: "end"; readonly task: string };

/** Receives events. Must not throw; may be called from anywhere. */
export interface Reporter {
  emit(event: Event): void;
}

/** Drops everything. */
export const silent: Reporter = { emit: () => undefined };

/** Options that every long call takes; hand them on whole. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly reporter?: Reporter;
}

/** Emits an info line. */
export function info(options: CallOptions | undefined, text: string): void {
  options?.reporter?.emit({ type: "message", level: "info", text });
}

/** Emits a warning. */
export function warn(options: CallOptions | undefined, text: string): void {
  options?.reporter?.emit({ type: "message", level: "warning", text });
}
