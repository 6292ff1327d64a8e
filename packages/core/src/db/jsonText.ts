import { DvcError } from "../base/errors.ts";
import { isRecord } from "../formats/pyValues.ts";
import { type Cell, Day, Json, Moment } from "./cell.ts";
import type { ColumnKind } from "./columnKinds.ts";

/** One record of a JSON list, as pandas writes it: no spaces, ASCII only, moments in milliseconds since 1970. */
export function jsonRecord(
  names: readonly string[] /* as JSON texts */,
  row: readonly Cell[],
  kinds: readonly ColumnKind[],
): string {
  const members = names.map((name, at) => `${name}:${valueText(row[at] ?? null, kinds[at])}`);
  return `{${members.join(",")}}`;
}

function valueText(cell: Cell, kind: ColumnKind | undefined): string {
  if (cell === null) return "null";
  if (kind?.kind === "float") return jsonFloat(Number(cell));
  if (typeof cell === "number") return jsonFloat(cell);
  if (typeof cell === "boolean" || typeof cell === "bigint") return String(cell);
  if (cell instanceof Uint8Array) return jsonText(utf8(cell));
  if (cell instanceof Moment) return String(cell.micros / 1000n);
  if (cell instanceof Day) return String(Date.parse(`${cell.text}T00:00:00Z`));
  if (cell instanceof Json) return nestedText(cell.value);
  return jsonText(cell);
}

function nestedText(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : jsonFloat(value);
  if (Array.isArray(value)) return `[${value.map(nestedText).join(",")}]`;
  if (isRecord(value)) {
    const members = Object.entries(value).map(([name, one]) => `${jsonText(name)}:${nestedText(one)}`);
    return `{${members.join(",")}}`;
  }
  return typeof value === "string" ? jsonText(value) : JSON.stringify(value);
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new DvcError("bytes that are no UTF-8 text cannot be written as JSON", {
      cause,
      hint: "Import as CSV, or select another form of that column.",
    });
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "/": "\\/",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** A text in quotes; slashes and all that is not ASCII escaped. */
export function jsonText(text: string): string {
  const escaped = text.replace(/["\\/\u0000-\u001f\u0080-\uffff]/g, (sign) => {
    return ESCAPES[sign] ?? `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

const PLACES = 10;
const POWER = 1e10;
const LARGEST = 1e16;
const SMALLEST = 1e-15;

/** A float with ten places after the point; very large and very small ones with ten digits and an exponent. */
export function jsonFloat(value: number): string {
  if (!Number.isFinite(value)) return "null";
  const size = Math.abs(value);
  if (value > LARGEST || (value !== 0 && size < SMALLEST) || size > LARGEST) return exponential(value);
  let whole = BigInt(Math.trunc(size));
  const scaled = (size - Math.trunc(size)) * POWER;
  let fraction = Math.trunc(scaled);
  const rest = scaled - fraction;
  // A half goes to the even digit, but away from zero.
  if (rest > 0.5 || (rest === 0.5 && (fraction === 0 || fraction % 2 === 1))) fraction++;
  if (fraction >= POWER) {
    fraction = 0;
    whole++;
  }
  const digits = fraction === 0 ? "0" : String(fraction).padStart(PLACES, "0").replace(/0+$/, "");
  return `${value < 0 ? "-" : ""}${whole.toString()}.${digits}`;
}

/** C's `%.10g`. */
function exponential(value: number): string {
  const [digits = "", exponent = "0"] = value.toExponential(PLACES - 1).split("e");
  const short = digits.replace(/\.?0+$/, "");
  const sign = exponent.startsWith("-") ? "-" : "+";
  return `${short}e${sign}${exponent.replace(/^[+-]/, "").padStart(2, "0")}`;
}
