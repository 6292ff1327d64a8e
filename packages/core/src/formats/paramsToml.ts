import type * as SmolToml from "smol-toml";
import { createRequire } from "node:module";
import { PyDate, PyFloat, setKey } from "./pyValues.ts";

/**
 * Reads TOML. Floats with an integral value stay floats, large integers stay exact, dates become `PyDate`.
 * @throws {TomlError}
 */
export function parseTomlParams(text: string): unknown {
  return convert(loadToml().parse(text, { integersAsBigInt: true }));
}

/** Few projects have TOML: the package (20 ms) is loaded with the first such file. The bundler follows `require`. */
function loadToml(): typeof SmolToml {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  if (typeof require === "function") return require("smol-toml") as typeof SmolToml;
  return createRequire(import.meta.url)("smol-toml") as typeof SmolToml;
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
