import { MAX_DIGITS, pyFloat } from "./pyValues.ts";

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;

/**
 * Reads JSON as Python's `json.loads`: floats stay floats (`1.0`), large integers stay exact, `NaN` and `Infinity` are
 * allowed, the last of equal keys wins. An empty text is an error.
 * @throws {SyntaxError}
 */
export function parseJsonParams(text: string): unknown {
  checkBounds(text);
  // The fast road: nothing that JSON.parse would read differently.
  if (!/\d[.eE]\d|\d{16}|NaN|Infinity|__proto__|\d[eE][+-]/.test(text)) return JSON.parse(text) as unknown;
  return new JsonReader(text).readAll();
}

/** Deeper nesting is refused: whoever walks the value would run out of stack. */
const MAX_DEPTH = 500;

/** More values are no parameters or metrics, nor anything that can be looked at as a plot. */
const MAX_VALUES = 500_000;

/** @throws {SyntaxError} for more brackets within each other, or more values, than anybody writes */
function checkBounds(text: string): void {
  let depth = 0;
  let values = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 34) isText = !isText;
    else if (isText) {
      if (code === 92) at++;
    } else if (code === 91 || code === 123) {
      if (++depth > MAX_DEPTH) throw new SyntaxError("nested too deeply");
    } else if (code === 93 || code === 125) depth--;
    else if (code === 44 && ++values > MAX_VALUES) throw new SyntaxError("too many values");
  }
}

class JsonReader {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }

  readAll(): unknown {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#error();
    return value;
  }

  #error(): SyntaxError {
    return new SyntaxError(`unexpected text at position ${String(this.#at)}`);
  }

  #space(): void {
    while (" \t\r\n".includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at++;
  }

  #takes(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #value(): unknown {
    this.#space();
    const char = this.#text.charAt(this.#at);
    if (char === "{") return this.#object();
    if (char === "[") return this.#array();
    if (char === '"') return this.#string();
    if (this.#takes("null")) return null;
    if (this.#takes("true")) return true;
    if (this.#takes("false")) return false;
    if (this.#takes("NaN")) return NaN;
    if (this.#takes("Infinity")) return Infinity;
    if (this.#takes("-Infinity")) return -Infinity;
    return this.#number();
  }

  #number(): unknown {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#error();
    this.#at += match[0].length;
    if (match[1] !== undefined || match[2] !== undefined) return pyFloat(Number(match[0]));
    const value = Number(match[0]);
    if (Number.isSafeInteger(value)) return value;
    if (match[0].length > MAX_DIGITS) throw new SyntaxError("a number has too many digits");
    return BigInt(match[0]);
  }

  /** No regular expression: they run out of stack on long texts. */
  #string(): string {
    if (this.#text.charAt(this.#at) !== '"') throw this.#error();
    let end = this.#at + 1;
    for (; this.#text.charAt(end) !== '"'; end++) {
      if (end >= this.#text.length) throw this.#error();
      if (this.#text.charAt(end) === "\\") end++;
    }
    const found = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    return JSON.parse(found) as string;
  }

  #array(): unknown[] {
    this.#at++;
    const items: unknown[] = [];
    this.#space();
    if (this.#takes("]")) return items;
    for (;;) {
      items.push(this.#value());
      this.#space();
      if (this.#takes("]")) return items;
      if (!this.#takes(",")) throw this.#error();
    }
  }

  #object(): Record<string, unknown> {
    this.#at++;
    const entries: [string, unknown][] = [];
    this.#space();
    if (this.#takes("}")) return {};
    for (;;) {
      this.#space();
      const key = this.#string();
      this.#space();
      if (!this.#takes(":")) throw this.#error();
      entries.push([key, this.#value()]);
      this.#space();
      // `fromEntries` defines own properties, so that `__proto__` is a key like any other.
      if (this.#takes("}")) return Object.fromEntries(entries);
      if (!this.#takes(",")) throw this.#error();
    }
  }
}
