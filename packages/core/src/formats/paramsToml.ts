import { parse } from "smol-toml";
import { PyDate, PyFloat, setKey } from "./pyValues.ts";

/**
 * Reads TOML. Floats with an integral value stay floats, large integers stay exact, dates become `PyDate`.
 * @throws {TomlError}
 */
export function parseTomlParams(text: string): unknown {
  return convert(parse(text, { integersAsBigInt: true }));
}

function convert(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value === "number") return Number.isInteger(value) ? new PyFloat(value) : value;
  if (value instanceof Date) return new PyDate(value.toISOString().replace("T", " "));
  if (Array.isArray(value)) return value.map(convert);
  if (typeof value !== "object" || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) setKey(result, key, convert(one));
  return result;
}
