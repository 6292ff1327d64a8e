/**
 * Values that Python tells apart and JavaScript does not. Everything else is plain: `null`, booleans, strings, numbers
 * (`bigint` beyond 2^53), arrays, objects.
 */

/** Python turns no text with more digits into an integer. */
export const MAX_DIGITS = 4300;

/** A float with an integral value (`1.0`, `1e3`), kept apart from the integer `1` so that it is written back as a float. */
export class PyFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
  valueOf(): number {
    return this.value;
  }
  toJSON(): number {
    return this.value;
  }
  toString(): string {
    return pyFloatRepr(this.value);
  }
}

/** A YAML date or time stamp; `text` is what Python's `isoformat(" ")` gives, which is also how it is written. */
export class PyDate {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toJSON(): string {
    return this.text;
  }
  toString(): string {
    return this.text;
  }
}

/** A float from text or arithmetic: a plain number unless its value is integral. */
export function pyFloat(value: number): number | PyFloat {
  return Number.isInteger(value) ? new PyFloat(value) : value;
}

/** The number behind `number`, `bigint` or `PyFloat`; undefined for anything else. */
export function asNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (value instanceof PyFloat) return value.value;
  return typeof value === "bigint" ? Number(value) : undefined;
}

/** `value` with every `PyFloat` and `PyDate` inside it replaced by a number or a string; shares what it can. */
export function toPlain(value: unknown): unknown {
  if (value instanceof PyFloat) return value.value;
  if (value instanceof PyDate) return value.text;
  if (Array.isArray(value)) return value.map(toPlain);
  if (!isRecord(value)) return value;
  const plain: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) setKey(plain, key, toPlain(one));
  return plain;
}

/** Python's `==` of parsed values: 1 equals 1.0 and True; order of keys does not count. */
export function pyEquals(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const left = comparable(a);
  const right = comparable(b);
  if (left !== undefined && right !== undefined) return left == right;
  if (a instanceof PyDate || b instanceof PyDate)
    return a instanceof PyDate && b instanceof PyDate && a.text === b.text;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((one, index) => pyEquals(one, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && pyEquals(a[key], b[key]))
  );
}

function comparable(value: unknown): number | bigint | undefined {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "bigint" ? value : asNumber(value);
}

/** Whether `value` is a mapping: an object that is no array and none of the classes here. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof PyFloat) &&
    !(value instanceof PyDate)
  );
}

/** Sets an own property whatever its name (also `__proto__`). */
export function setKey(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else target[key] = value;
}

/** Python's `repr` of a float: shortest digits, exponent below 1e-4 and from 1e16, at least two exponent digits. */
export function pyFloatRepr(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const sign = value < 0 ? "-" : "";
  const [mantissa = "", exponentText = "0"] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const shown = Math.abs(exponent).toString().padStart(2, "0");
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    return `${sign}${digits[0] ?? ""}${fraction}e${exponent < 0 ? "-" : "+"}${shown}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return `${sign}${digits.padEnd(exponent + 1, "0")}.0`;
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** Python's `repr` of a string: single quotes unless it holds one and no double quote. */
export function pyStringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = quote;
  for (const char of text) {
    if (char === quote || char === "\\") out += `\\${char}`;
    else if (char === "\n") out += "\\n";
    else if (char === "\r") out += "\\r";
    else if (char === "\t") out += "\\t";
    else if (/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(char)) out += escapeCode(char.codePointAt(0) ?? 0);
    else out += char;
  }
  return out + quote;
}

function escapeCode(code: number): string {
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}

/** Python's `str` of a parsed value, as it shows inside messages: `None`, `True`, `{'a': 1}`. */
export function pyStr(value: unknown): string {
  return typeof value === "string" ? value : pyRepr(value);
}

/** Python's `repr` of a parsed value. */
export function pyRepr(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return pyStringRepr(value);
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value).toString() : pyFloatRepr(value);
  if (typeof value === "bigint") return value.toString();
  if (value instanceof PyFloat || value instanceof PyDate) return value.toString();
  if (Array.isArray(value)) return `[${value.map(pyRepr).join(", ")}]`;
  const entries = value instanceof Map ? [...value.entries()] : Object.entries(value);
  return `{${entries.map(([key, one]) => `${pyRepr(key)}: ${pyRepr(one)}`).join(", ")}}`;
}
