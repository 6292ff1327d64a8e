import { PyFloat } from "../formats/pyValues.ts";

/** A value as `JSON.parse` would give it: floats that remember they are floats become numbers. */
export function toPlainJson(value: unknown): unknown {
  if (value instanceof PyFloat) return value.value;
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(toPlainJson);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, toPlainJson(one)]));
}
