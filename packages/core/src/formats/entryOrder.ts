import { isRecord } from "./pyValues.ts";

/** The keys of one entry in the order given, as DVC writes them; others after them as they came. What is no record stays. */
export function orderEntry(entry: unknown, order: readonly string[]): unknown {
  if (!isRecord(entry)) return entry;
  const ordered: Record<string, unknown> = {};
  for (const key of order) if (entry[key] !== undefined) ordered[key] = entry[key];
  for (const key of Object.keys(entry)) if (!(key in ordered) && entry[key] !== undefined) ordered[key] = entry[key];
  return ordered;
}
