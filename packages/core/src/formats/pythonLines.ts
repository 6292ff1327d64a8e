/** A token of Python: enough to find assignments of literals. */
export interface PyToken {
  readonly kind: "name" | "number" | "string" | "op";
  readonly text: string;
}

/** A logical line: joined over brackets and backslashes, without comments. */
export interface LogicalLine {
  readonly indent: number;
  readonly tokens: readonly PyToken[];
}

const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const NUMBER =
  /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?[jJ]?/y;
const STRING_START = /[rRbBuUfF]{0,2}("""|'''|"|')/y;
const OPERATOR = /\*\*=|\/\/=|>>=|<<=|\.\.\.|[=!<>+\-*/%&|^@:]=|->|\*\*|\/\/|<<|>>|[^\s\w]/uy;

/** Splits Python into logical lines. @throws {SyntaxError} when a bracket or a string does not close. */
export function readLogicalLines(text: string): LogicalLine[] {
  return new LineReader(text).readAll();
}

class LineReader {
  readonly #text: string;
  #at = 0;
  readonly #lines: LogicalLine[] = [];
  #tokens: PyToken[] = [];
  #indent = 0;
  #brackets: string[] = [];

  constructor(text: string) {
    this.#text = text.startsWith("\ufeff") ? text.slice(1) : text;
  }

  readAll(): LogicalLine[] {
    this.#readIndent();
    while (this.#at < this.#text.length) this.#step();
    if (this.#brackets.length > 0) throw new SyntaxError(`'${this.#brackets.at(-1) ?? ""}' was never closed`);
    this.#endLine();
    return this.#lines;
  }

  #step(): void {
    const char = this.#text.charAt(this.#at);
    if (char === "\n") {
      this.#at++;
      if (this.#brackets.length > 0) return;
      this.#endLine();
      this.#readIndent();
    } else if (char === "#") this.#skipComment();
    else if (char === "\\" && /\r?\n/y.test(this.#text.slice(this.#at + 1, this.#at + 3))) {
      this.#at = this.#text.indexOf("\n", this.#at) + 1;
    } else if (/\s/.test(char)) this.#at++;
    else this.#readToken();
  }

  #skipComment(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#text.length : end;
  }

  #readIndent(): void {
    this.#indent = 0;
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text.charAt(this.#at);
      if (char === " ") this.#indent++;
      else if (char === "\t") this.#indent += 8 - (this.#indent % 8);
      else if (char !== "\f") return;
    }
  }

  #endLine(): void {
    if (this.#tokens.length > 0) this.#lines.push({ indent: this.#indent, tokens: this.#tokens });
    this.#tokens = [];
  }

  #readToken(): void {
    const quote = this.#match(STRING_START);
    if (quote !== undefined) {
      this.#readString(quote);
      return;
    }
    const name = this.#match(NAME);
    if (name !== undefined) this.#push("name", name);
    else {
      const isNumber = /^\.?\d/.test(this.#text.slice(this.#at, this.#at + 2));
      const number = isNumber ? this.#match(NUMBER) : undefined;
      if (number !== undefined) this.#push("number", number);
      else this.#readOperator();
    }
  }

  #readOperator(): void {
    const text = this.#match(OPERATOR);
    if (text === undefined) throw new SyntaxError(`invalid character at position ${String(this.#at)}`);
    if ("([{".includes(text)) this.#brackets.push(text);
    else if (")]}".includes(text) && this.#brackets.pop() !== OPENING[text])
      throw new SyntaxError(`unmatched '${text}'`);
    this.#push("op", text);
  }

  #readString(start: string): void {
    const quote = /["']+$/.exec(start)?.[0] ?? '"';
    for (let at = this.#at + start.length; at < this.#text.length; at++) {
      const char = this.#text.charAt(at);
      if (char === "\\") at++;
      else if (char === "\n" && quote.length === 1) break;
      else if (this.#text.startsWith(quote, at)) {
        this.#push("string", this.#text.slice(this.#at, at + quote.length));
        return;
      }
    }
    throw new SyntaxError("unterminated string literal");
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0];
  }

  #push(kind: PyToken["kind"], text: string): void {
    this.#tokens.push({ kind, text });
    this.#at += text.length;
  }
}

const OPENING: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };
