import { type Paint, plain } from "./colour.ts";

/** JSON that the library has written already. */
export class JsonText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * JSON as Python's `json.dumps` prints it: ", " and ": " between, ASCII only, NaN and Infinity as words.
 * @param indent spaces a level; everything on one line when undefined
 */
export function dumpJson(value: unknown, indent?: number, paint: Paint = plain): string {
  return dump(value, indent, paint, "\n");
}

function dump(value: unknown, indent: number | undefined, paint: Paint, newline: string): string {
  if (value === null || value === undefined) return paint("null", "magenta");
  if (typeof value === "string") return paint(quote(value), "green");
  if (typeof value === "boolean") return paint(String(value), value ? "green" : "red");
  if (typeof value === "number") return paint(number(value), "cyan");
  if (typeof value === "bigint") return paint(String(value), "cyan");
  if (value instanceof Map) return dump(Object.fromEntries(value), indent, paint, newline);
  if (value instanceof Set) return dump([...value], indent, paint, newline);
  if (typeof value !== "object") return "null";
  if (value instanceof JsonText) return value.text;
  if (isBoxed(value)) {
    // Floats like 1.0 print as Python's; dates as text.
    if (typeof value.valueOf() === "number") return paint(value.toString(), "cyan");
    return dump(value.toJSON(), indent, paint, newline);
  }
  const inner = indent === undefined ? newline : newline + " ".repeat(indent);
  if (Array.isArray(value)) {
    return enclose(
      "[",
      "]",
      value.map((item: unknown) => dump(item, indent, paint, inner)),
      indent,
      newline,
      inner,
    );
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const items = entries.map(([key, item]) => `${paint(quote(key), "blue")}: ${dump(item, indent, paint, inner)}`);
  return enclose("{", "}", items, indent, newline, inner);
}

/** One of the library's values that Python tells apart: a float with an integral value, a date. */
interface Boxed {
  toString(): string;
  toJSON(): unknown;
}

function isBoxed(value: object): value is Boxed {
  const prototype: unknown = Object.getPrototypeOf(value);
  // A mapping of the user's may have a key of that name.
  return prototype !== Object.prototype && prototype !== null && "toJSON" in value;
}

function enclose(
  open: string,
  close: string,
  items: readonly string[],
  indent: number | undefined,
  newline: string,
  inner: string,
): string {
  if (items.length === 0) return open + close;
  if (indent === undefined) return open + items.join(", ") + close;
  return open + inner + items.join(`,${inner}`) + newline + close;
}

function number(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  // Python turns to exponents below 1e-4, JavaScript below 1e-6.
  const text = value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential() : String(value);
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
