import type { ValuesDiff } from "@holdfast/core/api/metricsDiff";
import type { Context } from "../context.ts";

/** Says of which revisions not everything could be read, in DVC's words. */
export function tellFailed(context: Context, failed: readonly string[]): void {
  if (failed.length === 0) return;
  context.output.errorLine(`DVC failed to load some metrics for following revisions: '${failed.join(", ")}'.`);
}

/** Differences as DVC's JSON: file, key, `old`, `new`, and `diff` of numbers. */
export function changesJson({ files }: ValuesDiff): unknown {
  return Object.fromEntries(
    files.map(({ path, changes }) => [
      path,
      Object.fromEntries(changes.map(({ key, ...change }): [string, unknown] => [key, change])),
    ]),
  );
}
