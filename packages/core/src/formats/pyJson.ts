import { compareCodePoints } from "../base/codePoints.ts";
import { PyDate, PyFloat, pyFloatRepr } from "./pyValues.ts";

/** Options of Python's `json.dumps`. */
export interface PyJsonOptions {
  /** Sorts the keys of every object by code point. */
  readonly sortKeys?: boolean;
  /** Columns per level; undefined writes one line. */
  readonly indent?: number;
  /** False writes characters beyond ASCII as they are. Default true. */
  readonly asciiOnly?: boolean;
}

/**
 * Writes `value` as Python's `json.dumps` does: ", " and ": " between, ASCII escapes, `NaN` and `Infinity`, floats as `repr`.
 * Keys that are `undefined` are left out. Mappings may be objects or `Map`s.
 * @throws {RangeError} when nested beyond what the stack holds, {TypeError} for values JSON has no form for.
 */
export function pyJsonDumps(value: unknown, options: PyJsonOptions = {}): string {
  return write(value, options, 0);
}

function write(value: unknown, options: PyJsonOptions, depth: number): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "string":
      return options.asciiOnly === false ? escapePlain(value) : pyJsonString(value);
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return value.toString();
    case "number":
      return Number.isInteger(value) ? integer(value) : float(value);
    case "object":
      break;
    default:
      throw new TypeError(`Object of type ${typeof value} is not JSON serializable`);
  }
  if (value instanceof PyFloat) return float(value.value);
  if (value instanceof PyDate) throw new TypeError("Object of type date is not JSON serializable");
  const around = brackets(options, depth);
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[${around.open}${value.map((one) => write(one, options, depth + 1)).join(around.between)}${around.close}]`;
  }
  const parts = entriesOf(value, options).map(
    ([key, one]) => `${write(key, options, depth)}: ${write(one, options, depth + 1)}`,
  );
  return parts.length === 0 ? "{}" : `{${around.open}${parts.join(around.between)}${around.close}}`;
}

function brackets(options: PyJsonOptions, depth: number): { open: string; between: string; close: string } {
  if (options.indent === undefined) return { open: "", between: ", ", close: "" };
  const inner = `\n${" ".repeat(options.indent * (depth + 1))}`;
  return { open: inner, between: `,${inner}`, close: `\n${" ".repeat(options.indent * depth)}` };
}

function entriesOf(value: object, options: PyJsonOptions): [string, unknown][] {
  const all: [string, unknown][] =
    value instanceof Map
      ? [...value.entries()].map(([key, one]): [string, unknown] => [keyText(key), one])
      : Object.entries(value).filter(([, one]) => one !== undefined);
  return options.sortKeys === true ? all.sort(([a], [b]) => compareCodePoints(a, b)) : all;
}

function keyText(key: unknown): string {
  if (typeof key === "string") return key;
  return write(key, {}, 0);
}

function integer(value: number): string {
  return Number.isSafeInteger(value) ? String(Object.is(value, -0) ? 0 : value) : BigInt(value).toString();
}

function float(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return pyFloatRepr(value);
}

/** A JSON string as Python writes it: everything beyond printable ASCII escaped. */
export function pyJsonString(text: string): string {
  if (!/[^\x20-\x7e]|["\\]/.test(text)) return `"${text}"`;
  const quoted = escapePlain(text);
  return quoted.replace(/[\x7f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function escapePlain(text: string): string {
  // JSON.stringify escapes lone surrogates, as Python's ASCII form does; the short escapes are the same in both.
  return JSON.stringify(text);
}
