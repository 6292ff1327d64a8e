import type { PyToken } from "./pythonLines.ts";
import { MAX_DIGITS, pyFloat, PyFloat, pyStr, setKey } from "./pyValues.ts";

/** The tokens are an expression, not a literal. */
export class NotLiteral extends Error {}

/**
 * Evaluates what Python's `ast.literal_eval` would: numbers, strings, lists, tuples, sets, dicts, True, False, None.
 * @throws {NotLiteral}
 */
export function readLiteral(tokens: readonly PyToken[]): unknown {
  const reader = new LiteralReader(tokens);
  const value = reader.tuple();
  if (!reader.isDone) throw new NotLiteral();
  return value;
}

class LiteralReader {
  readonly #tokens: readonly PyToken[];
  #at = 0;
  #depth = 0;
  constructor(tokens: readonly PyToken[]) {
    this.#tokens = tokens;
  }

  get isDone(): boolean {
    return this.#at >= this.#tokens.length;
  }

  /** An expression, or several with commas between. */
  tuple(): unknown {
    const first = this.#value();
    if (!this.#isNext(",")) return first;
    const items = [first];
    while (this.#takes(",") && !this.isDone && !this.#isNext(")")) items.push(this.#value());
    return items;
  }

  #isNext(op: string): boolean {
    const token = this.#tokens[this.#at];
    return token?.kind === "op" && token.text === op;
  }

  #takes(op: string): boolean {
    if (!this.#isNext(op)) return false;
    this.#at++;
    return true;
  }

  #value(): unknown {
    if (++this.#depth > 200) throw new NotLiteral();
    const token = this.#tokens[this.#at++];
    let value: unknown;
    if (token === undefined) throw new NotLiteral();
    if (token.kind === "string") value = this.#strings(token);
    else if (token.kind === "number") value = numberOf(token.text);
    else if (token.kind === "name") value = constantOf(token.text);
    else value = this.#compound(token.text);
    this.#depth--;
    return value;
  }

  #compound(op: string): unknown {
    if (op === "-" || op === "+") return signed(op, this.#value());
    if (op === "[") return this.#items("]");
    if (op === "{") return this.#braces();
    if (op !== "(") throw new NotLiteral();
    if (this.#takes(")")) return [];
    const value = this.tuple();
    if (!this.#takes(")")) throw new NotLiteral();
    return value;
  }

  #items(end: string): unknown[] {
    const items: unknown[] = [];
    while (!this.#takes(end)) {
      items.push(this.#value());
      if (!this.#takes(",") && !this.#isNext(end)) throw new NotLiteral();
    }
    return items;
  }

  #braces(): unknown {
    if (this.#takes("}")) return {};
    const first = this.#value();
    if (!this.#isNext(":")) {
      if (this.#takes(",")) return [first, ...this.#items("}")];
      if (!this.#takes("}")) throw new NotLiteral();
      return [first];
    }
    const result: Record<string, unknown> = {};
    for (let key = first; ; key = this.#value()) {
      if (!this.#takes(":")) throw new NotLiteral();
      setKey(result, keyText(key), this.#value());
      if (!this.#takes(",") && !this.#isNext("}")) throw new NotLiteral();
      if (this.#takes("}")) return result;
    }
  }

  #strings(first: PyToken): string {
    let text = stringOf(first.text);
    for (let next = this.#tokens[this.#at]; next?.kind === "string"; next = this.#tokens[this.#at]) {
      text += stringOf(next.text);
      this.#at++;
    }
    return text;
  }
}

function keyText(key: unknown): string {
  if (typeof key === "string") return key;
  if (typeof key === "object" && key !== null && !(key instanceof PyFloat)) throw new NotLiteral();
  return pyStr(key);
}

function constantOf(name: string): unknown {
  if (name === "True") return true;
  if (name === "False") return false;
  if (name === "None") return null;
  throw new NotLiteral();
}

function numberOf(text: string): unknown {
  const plain = text.replaceAll("_", "");
  if (/[jJ]$/.test(plain)) throw new NotLiteral();
  const isInteger = /^0[xXoObB]/.test(plain) || /^\d+$/.test(plain);
  if (!isInteger) return pyFloat(Number(plain));
  const value = Number(plain);
  if (Number.isSafeInteger(value)) return value;
  if (plain.length > MAX_DIGITS) throw new SyntaxError("a number has too many digits");
  return BigInt(plain);
}

function signed(op: string, value: unknown): unknown {
  if (value instanceof PyFloat) return op === "-" ? new PyFloat(-value.value) : value;
  if (typeof value === "bigint") return op === "-" ? -value : value;
  if (typeof value !== "number") throw new NotLiteral();
  // Python's integers have no negative zero.
  return op === "-" ? 0 - value : value;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

function stringOf(token: string): string {
  const [, prefix = "", quote = ""] = /^([a-zA-Z]*)("""|'''|"|')/.exec(token) ?? [];
  if (/[bBfF]/.test(prefix)) throw new NotLiteral();
  const body = token.slice(prefix.length + quote.length, -quote.length).replaceAll("\r\n", "\n");
  if (/[rR]/.test(prefix)) return body;
  return body.replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{1,3}|[^])/g, (all, code: string) => {
    if (/^[xuU]./.test(code)) return String.fromCodePoint(parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCodePoint(parseInt(code, 8));
    return ESCAPES[code] ?? all;
  });
}
