import { type Paint, plain } from "./colour.ts";

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
  return String(value).replace(/e([+-])(\d)$/, "e$10$2");
}

function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
