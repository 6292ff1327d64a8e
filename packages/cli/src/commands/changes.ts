import type { CheckoutResult } from "@holdfast/core/api/checkout";
import { DvcError } from "@holdfast/core";
import type { Context } from "../context.ts";
import { summary } from "../render/humane.ts";

const kinds = [
  ["modified", "yellow"],
  ["added", "green"],
  ["deleted", "red"],
] as const;

/** Prints `M       path` for each output that a checkout changed. */
export function printChanges(result: CheckoutResult, context: Context): void {
  for (const [kind, colour] of kinds) {
    const letter = kind.charAt(0).toUpperCase();
    for (const path of result[kind]) context.line(`${context.paint(letter, colour)}       ${path}`);
  }
}

/** `1 file modified, 2 files added and 1 file deleted`, or "". */
export function changeSummary(stats: CheckoutResult["stats"], fetched = 0): string {
  return summary([
    ["fetched", fetched],
    ["modified", stats.modified],
    ["added", stats.added],
    ["deleted", stats.deleted],
  ]);
}

/** What a failed checkout had changed before it failed, when the error carries that. */
export function changesOf(error: { readonly result: unknown }): CheckoutResult | undefined {
  const { result } = error;
  return typeof result === "object" && result !== null && "stats" in result ? (result as CheckoutResult) : undefined;
}

/** Prints the summary of a transfer, and on stderr that no remote is set. */
export function printTransfer(text: string, context: Context, hasRemote: boolean): void {
  if (!hasRemote) context.output.errorLine("No remote provided and no default remote set.");
  context.line(text === "" ? "Everything is up to date." : text);
}

/** Runs `work`; when it would lose unsaved files, asks on a terminal, and with a yes runs it again by force. */
export async function askingBeforeLoss<T>(
  context: Context,
  force: boolean,
  work: (force: boolean) => Promise<T>,
): Promise<T> {
  try {
    return await work(force);
  } catch (error) {
    if (!(error instanceof DvcError) || error.code !== "unsaved-files") throw error;
    const question = "Files that are saved nowhere else are going to be removed. Are you sure you want to proceed?";
    if (!(await context.confirm(question))) throw error;
    return work(true);
  }
}
