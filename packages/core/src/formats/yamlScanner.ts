import { pyStringRepr } from "./pyValues.ts";

/** A place in the text. `line` and `column` count from 0; the column counts UTF-16 units. */
export interface Mark {
  readonly index: number;
  readonly line: number;
  readonly column: number;
}

/** A run of comment lines and empty lines, as it stands in the text; `column` is where its first line starts. */
export interface Comment {
  text: string;
  readonly column: number;
  readonly line: number;
}

/** The kinds of token, named as they are called in messages. */
export type TokenId =
  | "<stream end>"
  | "<directive>"
  | "<document start>"
  | "<document end>"
  | "<block sequence start>"
  | "<block mapping start>"
  | "<block end>"
  | "["
  | "]"
  | "{"
  | "}"
  | "?"
  | ":"
  | "-"
  | ","
  | "<alias>"
  | "<anchor>"
  | "<tag>"
  | "<scalar>"
  | "<comment>";

/** How a scalar was written. */
export type ScalarStyle = "" | "'" | '"' | "|" | ">";

/** One token. `post` is a comment behind it, `pre` are comments before it, `carried` one that stood behind an empty value. */
export interface Token {
  readonly id: TokenId;
  readonly start: Mark;
  readonly end: Mark;
  readonly value: string;
  readonly style: ScalarStyle;
  readonly comment?: Comment;
  /** What stands behind `|` or `>` on its line. */
  readonly header?: string;
  post?: Comment | undefined;
  pre?: Comment[] | undefined;
  carried?: Comment | undefined;
}

/** A syntax error with the two places that DVC shows. */
export class YamlProblem extends Error {
  readonly context: string | undefined;
  readonly contextMark: Mark | undefined;
  readonly problem: string;
  readonly mark: Mark;
  constructor(context: string | undefined, contextMark: Mark | undefined, problem: string, mark: Mark) {
    super(problem);
    this.context = context;
    this.contextMark = contextMark;
    this.problem = problem;
    this.mark = mark;
  }
}

interface SimpleKey {
  readonly tokenNumber: number;
  readonly required: boolean;
  readonly mark: Mark;
}

const END = "";
const BREAKS = "\r\n\x85\u2028\u2029";
const ESCAPES: Readonly<Record<string, string>> = {
  "0": "\0",
  a: "\x07",
  b: "\b",
  t: "\t",
  "\t": "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  e: "\x1b",
  " ": " ",
  '"': '"',
  "/": "/",
  "\\": "\\",
  N: "\x85",
  _: "\xa0",
  L: "\u2028",
  P: "\u2029",
};
const HEX_LENGTH: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const URI_CHAR = /[0-9A-Za-z\-;/?:@&=+$,_.!~*'()[\]%#]/;
/** Longest text between a key's start and its colon. */
const KEY_LIMIT = 1024;

/** Splits YAML 1.2 text into tokens, with the positions and messages that ruamel.yaml gives. */
export class YamlScanner {
  readonly #text: string;
  readonly #keepComments: boolean;
  #index = 0;
  #line = 0;
  #lineStart = 0;
  #done = false;
  #tokens: Token[] = [];
  #taken = 0;
  #indent = -1;
  #indents: number[] = [];
  #allowKey = true;
  #keys = new Map<number, SimpleKey>();
  #flow: ("[" | "{")[] = [];

  constructor(text: string, keepComments: boolean) {
    this.#text = text;
    this.#keepComments = keepComments;
  }

  /** The next token, left in place. */
  peek(): Token {
    this.#fill();
    if (this.#keepComments) this.#gatherComments();
    const first = this.#tokens[0];
    if (first === undefined) throw new Error("peek beyond the end of the stream");
    return first;
  }

  /** Takes the next token, with the comment behind it attached. */
  take(): Token {
    const token = this.peek();
    if (this.#keepComments) this.#attachPost(token);
    this.#taken++;
    this.#tokens.shift();
    return token;
  }

  // --- comments ---

  #gatherComments(): void {
    const comments: Comment[] = [];
    if (this.#tokens[0]?.id === "<comment>") comments.push(this.#dropComment(0));
    while (this.#needMore()) {
      this.#fetch();
      if (this.#tokens[0]?.id === "<comment>") comments.push(this.#dropComment(0));
    }
    const first = this.#tokens[0];
    if (comments.length > 0 && first !== undefined) first.pre = comments;
    if (!this.#done && this.#tokens.length < 2) this.#fetch();
  }

  #dropComment(at: number): Comment {
    this.#taken++;
    const [token] = this.#tokens.splice(at, 1);
    if (token?.comment === undefined) throw new Error("not a comment token");
    return token.comment;
  }

  #attachPost(token: Token): void {
    const next = this.#tokens[1];
    if (next?.comment === undefined) return;
    const sameLine = token.end.line === next.start.line;
    const takes = token.id === "<scalar>" || (sameLine && (token.id === ":" || token.id === "]" || token.id === "}"));
    if (!takes) return;
    const comment = this.#dropComment(1);
    if (!sameLine) {
      comment.text = "\n".repeat(comment.line - token.end.line) + " ".repeat(comment.column) + comment.text;
    }
    token.post = comment;
    this.#fetch();
    while (this.#tokens[1]?.id === "<comment>") {
      const more = this.#dropComment(1);
      comment.text += " ".repeat(more.column) + more.text;
      this.#fetch();
    }
  }

  // --- queue ---

  #fill(): void {
    while (this.#needMore()) this.#fetch();
  }

  #needMore(): boolean {
    if (this.#done) return false;
    if (this.#tokens.length === 0) return true;
    if (this.#keys.size === 0) return false;
    this.#dropStaleKeys();
    for (const key of this.#keys.values()) if (key.tokenNumber === this.#taken) return true;
    return false;
  }

  #fetch(): void {
    if (this.#done) return;
    const comment = this.#skipToToken();
    if (comment !== undefined) {
      const mark = this.#mark();
      this.#tokens.push({
        id: "<comment>",
        start: { ...mark, line: comment.line },
        end: mark,
        value: "",
        style: "",
        comment,
      });
      return;
    }
    this.#dropStaleKeys();
    this.#unwind(this.#column());
    this.#fetchToken();
  }

  #fetchToken(): void {
    const char = this.#char();
    if (char === END) return this.#fetchEnd();
    const atLineStart = this.#index === this.#lineStart;
    if (atLineStart) {
      if (char === "%") return this.#fetchDirective();
      if (this.#atSeparator("---")) return this.#fetchSeparator("<document start>");
      if (this.#atSeparator("...")) return this.#fetchSeparator("<document end>");
    }
    switch (char) {
      case "[":
      case "{":
        return this.#fetchFlowStart(char);
      case "]":
      case "}":
        return this.#fetchFlowEnd(char);
      case ",":
        this.#allowKey = true;
        this.#removeKey();
        return this.#single(",");
      case "-":
        if (this.#blankAt(1)) return this.#fetchEntry();
        break;
      case "?":
        if (this.#flow.length > 0 || this.#blankAt(1)) return this.#fetchKey();
        break;
      case ":":
        if (this.#isValue()) return this.#fetchValue();
        break;
      case "*":
        return this.#fetchName("<alias>", "alias");
      case "&":
        return this.#fetchName("<anchor>", "anchor");
      case "!":
        this.#saveKey();
        this.#allowKey = false;
        this.#tokens.push(this.#scanTag());
        return;
      case "|":
      case ">":
        if (this.#flow.length === 0) {
          this.#allowKey = true;
          this.#removeKey();
          this.#tokens.push(this.#scanBlock(char));
          return;
        }
        break;
      case "'":
      case '"':
        this.#saveKey();
        this.#allowKey = false;
        this.#tokens.push(this.#scanQuoted(char));
        return;
      default:
        break;
    }
    if (!this.#isPlainStart(char)) {
      throw new YamlProblem(
        "while scanning for the next token",
        undefined,
        `found character ${pyStringRepr(char)} that cannot start any token`,
        this.#mark(),
      );
    }
    this.#saveKey();
    this.#allowKey = false;
    this.#tokens.push(this.#scanPlain());
  }

  #isValue(): boolean {
    const context = this.#flow.at(-1);
    if (context === undefined) return this.#blankAt(1);
    if (context === "[" || this.#tokens.at(-1)?.id === ":") return this.#blankAt(1);
    return true;
  }

  #isPlainStart(char: string): boolean {
    if (!(" \t-?:,[]{}#&*!|>'\"%@`".includes(char) || BREAKS.includes(char))) return true;
    const next = this.#text.charAt(this.#index + 1);
    if (char === "-") return !this.#blankAt(1);
    if (char === ":" && this.#flow.length > 0) return next !== " " && next !== "\t";
    return this.#flow.length === 0 && (char === "?" || char === ":") && !this.#blankAt(1);
  }

  // --- simple keys and indents ---

  #dropStaleKeys(): void {
    for (const [level, key] of this.#keys) {
      if (key.mark.line === this.#line && this.#index - key.mark.index <= KEY_LIMIT) continue;
      this.#failIfRequired(key);
      this.#keys.delete(level);
    }
  }

  #failIfRequired(key: SimpleKey): void {
    if (key.required) {
      throw new YamlProblem("while scanning a simple key", key.mark, "could not find expected ':'", this.#mark());
    }
  }

  #saveKey(): void {
    if (!this.#allowKey) return;
    const required = this.#flow.length === 0 && this.#indent === this.#column();
    this.#removeKey();
    this.#keys.set(this.#flow.length, { tokenNumber: this.#taken + this.#tokens.length, required, mark: this.#mark() });
  }

  #removeKey(): void {
    const key = this.#keys.get(this.#flow.length);
    if (key === undefined) return;
    this.#failIfRequired(key);
    this.#keys.delete(this.#flow.length);
  }

  #unwind(column: number): void {
    if (this.#flow.length > 0) return;
    while (this.#indent > column) {
      this.#indent = this.#indents.pop() ?? -1;
      this.#push("<block end>");
    }
  }

  #addIndent(column: number): boolean {
    if (this.#indent >= column) return false;
    this.#indents.push(this.#indent);
    this.#indent = column;
    return true;
  }

  // --- structure tokens ---

  #fetchEnd(): void {
    this.#unwind(-1);
    this.#removeKey();
    this.#allowKey = false;
    this.#keys.clear();
    this.#push("<stream end>");
    this.#done = true;
  }

  #fetchSeparator(id: "<document start>" | "<document end>"): void {
    this.#unwind(-1);
    this.#removeKey();
    this.#allowKey = false;
    const start = this.#mark();
    this.#index += 3;
    this.#tokens.push({ id, start, end: this.#mark(), value: "", style: "" });
  }

  #fetchDirective(): void {
    this.#unwind(-1);
    this.#removeKey();
    this.#allowKey = false;
    const start = this.#mark();
    this.#index++;
    if (!/^[0-9A-Za-z_-]$/.test(this.#char())) {
      throw this.#unexpected("while scanning a directive", start, "expected alphabetic or numeric character");
    }
    this.#index--;
    let end = this.#index;
    while (end < this.#text.length && !BREAKS.includes(this.#text.charAt(end))) end++;
    const value = this.#text
      .slice(this.#index + 1, end)
      .replace(/\s+#.*$/, "")
      .trimEnd();
    this.#index = end;
    this.#lineBreak();
    this.#tokens.push({ id: "<directive>", start, end: this.#mark(), value, style: "" });
  }

  #fetchFlowStart(char: "[" | "{"): void {
    this.#saveKey();
    this.#flow.push(char);
    this.#allowKey = true;
    this.#single(char);
  }

  #fetchFlowEnd(char: "]" | "}"): void {
    this.#removeKey();
    this.#flow.pop();
    this.#allowKey = false;
    this.#single(char);
  }

  #fetchEntry(): void {
    if (this.#flow.length === 0) {
      this.#requireKeyPlace("sequence entries are not allowed here");
      if (this.#addIndent(this.#column())) this.#push("<block sequence start>");
    }
    this.#allowKey = true;
    this.#removeKey();
    this.#single("-");
  }

  #fetchKey(): void {
    if (this.#flow.length === 0) {
      this.#requireKeyPlace("mapping keys are not allowed here");
      if (this.#addIndent(this.#column())) this.#push("<block mapping start>");
    }
    this.#allowKey = this.#flow.length === 0;
    this.#removeKey();
    this.#single("?");
  }

  #fetchValue(): void {
    const key = this.#keys.get(this.#flow.length);
    if (key !== undefined) {
      this.#keys.delete(this.#flow.length);
      const at = key.tokenNumber - this.#taken;
      this.#tokens.splice(at, 0, { id: "?", start: key.mark, end: key.mark, value: "", style: "" });
      if (this.#flow.length === 0 && this.#addIndent(key.mark.column)) {
        this.#tokens.splice(at, 0, {
          id: "<block mapping start>",
          start: key.mark,
          end: key.mark,
          value: "",
          style: "",
        });
      }
      this.#allowKey = false;
    } else {
      if (this.#flow.length === 0) {
        this.#requireKeyPlace("mapping values are not allowed here");
        if (this.#addIndent(this.#column())) this.#push("<block mapping start>");
      }
      this.#allowKey = this.#flow.length === 0;
      this.#removeKey();
    }
    this.#single(":");
  }

  #requireKeyPlace(problem: string): void {
    if (!this.#allowKey) throw new YamlProblem(undefined, undefined, problem, this.#mark());
  }

  #push(id: TokenId): void {
    const mark = this.#mark();
    this.#tokens.push({ id, start: mark, end: mark, value: "", style: "" });
  }

  #single(id: TokenId): void {
    const start = this.#mark();
    this.#index++;
    this.#tokens.push({ id, start, end: this.#mark(), value: "", style: "" });
  }

  // --- scalars and names ---

  #fetchName(id: "<alias>" | "<anchor>", name: string): void {
    this.#saveKey();
    this.#allowKey = false;
    const start = this.#mark();
    this.#index++;
    const from = this.#index;
    // Anchor names may hold anything but blanks and flow indicators.
    while (this.#index < this.#text.length && !this.#blankAt(0) && !",[]{}".includes(this.#char())) this.#index++;
    if (this.#index === from) {
      throw this.#unexpected(`while scanning an ${name}`, start, "expected alphabetic or numeric character");
    }
    this.#tokens.push({ id, start, end: this.#mark(), value: this.#text.slice(from, this.#index), style: "" });
  }

  #scanTag(): Token {
    const start = this.#mark();
    this.#index++;
    const from = this.#index;
    if (this.#char() === "<") {
      while (this.#index < this.#text.length && this.#char() !== ">" && !this.#blankAt(0)) this.#index++;
      if (this.#char() !== ">") {
        throw new YamlProblem("while parsing a tag", start, `expected '>' but found ${this.#shown()}`, this.#mark());
      }
      this.#index++;
    } else {
      while (
        this.#index < this.#text.length &&
        URI_CHAR.test(this.#char()) &&
        !(this.#flow.length > 0 && ",[]".includes(this.#char()))
      ) {
        this.#index++;
      }
    }
    const ended = this.#blankAt(0) && this.#char() !== "\t";
    if (!ended && !(this.#flow.length > 0 && ",]}".includes(this.#char()))) {
      throw this.#unexpected("while scanning a tag", start, "expected ' '");
    }
    return { id: "<tag>", start, end: this.#mark(), value: `!${this.#text.slice(from, this.#index)}`, style: "" };
  }

  #scanBlock(style: "|" | ">"): Token {
    const start = this.#mark();
    this.#index++;
    const { chomp, increment } = this.#scanBlockHeader(start);
    const headerFrom = this.#index;
    while (this.#char() === " ") this.#index++;
    const comment = this.#char() === "#";
    if (comment) while (this.#index < this.#text.length && !BREAKS.includes(this.#char())) this.#index++;
    const header = comment ? this.#text.slice(headerFrom, this.#index) : undefined;
    if (this.#index < this.#text.length && !BREAKS.includes(this.#char())) {
      throw this.#unexpected("while scanning a block scalar", start, "expected a comment or a line break");
    }
    this.#lineBreak();
    const minimum = this.#indent + 1;
    let indent: number;
    let breaks: string[];
    if (increment === undefined) {
      const first = this.#scanBlockIndent();
      breaks = first.breaks;
      indent = Math.max(minimum, first.widest);
    } else {
      indent = Math.max(minimum, 1) + increment - 1;
      breaks = this.#scanBlockBreaks(indent);
    }
    const chunks: string[] = [];
    let lineBreak = "";
    while (this.#column() === indent && this.#index < this.#text.length) {
      chunks.push(...breaks);
      const solid = !" \t".includes(this.#char());
      const from = this.#index;
      while (this.#index < this.#text.length && !BREAKS.includes(this.#char())) this.#index++;
      chunks.push(this.#text.slice(from, this.#index));
      lineBreak = this.#lineBreak();
      breaks = this.#scanBlockBreaks(indent);
      if (minimum === 0 && this.#index === this.#lineStart && (this.#atSeparator("---") || this.#atSeparator("...")))
        break;
      if (this.#column() !== indent || this.#index >= this.#text.length) break;
      if (style === ">" && this.#keepComments && lineBreak === "\n") chunks.push("\x07");
      const folds = style === ">" && lineBreak === "\n" && solid && !" \t".includes(this.#char());
      if (!folds) chunks.push(lineBreak);
      else if (breaks.length === 0) chunks.push(" ");
    }
    if (chomp !== "-") chunks.push(lineBreak);
    if (chomp === "+") chunks.push(...breaks);
    const trailing = chomp === "+" ? [] : breaks;
    const end = this.#mark();
    const token: Token = {
      id: "<scalar>",
      start,
      end,
      value: chunks.join(""),
      style,
      ...(header === undefined ? {} : { header }),
    };
    if (trailing.length > 0 && this.#keepComments) token.post = this.#blockTrailer(trailing, end);
    return token;
  }

  #blockTrailer(trailing: string[], end: Mark): Comment {
    let text = trailing.join("");
    for (let more = this.#skipToToken(); more !== undefined; more = this.#skipToToken()) {
      text += " ".repeat(more.column) + more.text;
    }
    return { text, column: this.#codePointColumn(end), line: end.line };
  }

  #scanBlockHeader(start: Mark): { chomp: "" | "+" | "-"; increment: number | undefined } {
    let chomp: "" | "+" | "-" = "";
    let increment: number | undefined;
    for (let round = 0; round < 2; round++) {
      const char = this.#char();
      if ((char === "+" || char === "-") && chomp === "") chomp = char;
      else if (/^[0-9]$/.test(char) && increment === undefined) {
        if (char === "0") {
          throw new YamlProblem(
            "while scanning a block scalar",
            start,
            "expected indentation indicator in the range 1-9, but found 0",
            this.#mark(),
          );
        }
        increment = Number(char);
      } else break;
      this.#index++;
    }
    if (this.#index < this.#text.length && this.#char() !== " " && !BREAKS.includes(this.#char())) {
      throw this.#unexpected("while scanning a block scalar", start, "expected chomping or indentation indicators");
    }
    return { chomp, increment };
  }

  #scanBlockIndent(): { breaks: string[]; widest: number } {
    const breaks: string[] = [];
    let widest = 0;
    for (;;) {
      const char = this.#char();
      if (char === " ") {
        this.#index++;
        widest = Math.max(widest, this.#column());
      } else if (char !== END && BREAKS.includes(char)) breaks.push(this.#lineBreak());
      else return { breaks, widest };
    }
  }

  #scanBlockBreaks(indent: number): string[] {
    const breaks: string[] = [];
    for (;;) {
      while (this.#column() < indent && this.#char() === " ") this.#index++;
      const char = this.#char();
      if (char === END || !BREAKS.includes(char)) return breaks;
      breaks.push(this.#lineBreak());
    }
  }

  #scanQuoted(quote: "'" | '"'): Token {
    const start = this.#mark();
    this.#index++;
    const chunks: string[] = [];
    for (;;) {
      this.#scanQuotedText(quote, start, chunks);
      if (this.#char() === quote) break;
      this.#scanQuotedSpaces(start, chunks);
    }
    this.#index++;
    return { id: "<scalar>", start, end: this.#mark(), value: chunks.join(""), style: quote };
  }

  #scanQuotedText(quote: "'" | '"', start: Mark, chunks: string[]): void {
    for (;;) {
      const from = this.#index;
      while (this.#index < this.#text.length) {
        const char = this.#char();
        if (char === "'" || char === '"' || char === "\\" || this.#blankAt(0)) break;
        this.#index++;
      }
      if (this.#index > from) chunks.push(this.#text.slice(from, this.#index));
      const char = this.#char();
      if (quote === "'" && char === "'" && this.#text.charAt(this.#index + 1) === "'") {
        chunks.push("'");
        this.#index += 2;
      } else if (char !== END && char !== quote && (char === "'" || char === '"' || (quote === "'" && char === "\\"))) {
        chunks.push(char);
        this.#index++;
      } else if (quote === '"' && char === "\\") this.#scanEscape(start, chunks);
      else return;
    }
  }

  #scanEscape(start: Mark, chunks: string[]): void {
    this.#index++;
    const char = this.#char();
    const plain = ESCAPES[char];
    const length = HEX_LENGTH[char];
    if (plain !== undefined) {
      chunks.push(plain);
      this.#index++;
    } else if (length !== undefined) {
      this.#index++;
      for (let at = 0; at < length; at++) {
        const digit = this.#text.charAt(this.#index + at);
        if (!/^[0-9A-Fa-f]$/.test(digit)) {
          throw new YamlProblem(
            "while scanning a double-quoted scalar",
            start,
            `expected escape sequence of ${String(length)} hexdecimal numbers, but found ${pyStringRepr(digit === "" ? "\0" : digit)}`,
            this.#mark(),
          );
        }
      }
      const code = Number.parseInt(this.#text.slice(this.#index, this.#index + length), 16);
      chunks.push(code > 0x10ffff ? "\ufffd" : String.fromCodePoint(code));
      this.#index += length;
    } else if (char !== END && BREAKS.includes(char)) {
      this.#lineBreak();
      chunks.push(...this.#scanQuotedBreaks(start));
    } else {
      throw new YamlProblem(
        "while scanning a double-quoted scalar",
        start,
        `found unknown escape character ${this.#shown()}`,
        this.#mark(),
      );
    }
  }

  #scanQuotedSpaces(start: Mark, chunks: string[]): void {
    const from = this.#index;
    while (this.#char() === " " || this.#char() === "\t") this.#index++;
    const char = this.#char();
    if (char === END) {
      throw new YamlProblem("while scanning a quoted scalar", start, "found unexpected end of stream", this.#mark());
    }
    if (!BREAKS.includes(char)) {
      chunks.push(this.#text.slice(from, this.#index));
      return;
    }
    const lineBreak = this.#lineBreak();
    const breaks = this.#scanQuotedBreaks(start);
    if (lineBreak !== "\n") chunks.push(lineBreak);
    else if (breaks.length === 0) chunks.push(" ");
    chunks.push(...breaks);
  }

  #scanQuotedBreaks(start: Mark): string[] {
    const breaks: string[] = [];
    for (;;) {
      if (this.#atSeparator("---") || this.#atSeparator("...")) {
        throw new YamlProblem(
          "while scanning a quoted scalar",
          start,
          "found unexpected document separator",
          this.#mark(),
        );
      }
      while (this.#char() === " " || this.#char() === "\t") this.#index++;
      const char = this.#char();
      if (char === END || !BREAKS.includes(char)) return breaks;
      breaks.push(this.#lineBreak());
    }
  }

  #scanPlain(): Token {
    const start = this.#mark();
    const minimum = this.#indent + 1;
    const chunks: string[] = [];
    let end = start;
    let spaces: string[] = [];
    while (this.#char() !== "#") {
      const from = this.#index;
      this.#skipPlainWord();
      if (this.#index === from) break;
      this.#allowKey = false;
      chunks.push(...spaces, this.#text.slice(from, this.#index));
      end = this.#mark();
      spaces = this.#scanPlainSpaces();
      if (spaces.length === 0 || this.#char() === "#" || (this.#flow.length === 0 && this.#column() < minimum)) break;
    }
    const token: Token = { id: "<scalar>", start, end, value: chunks.join(""), style: "" };
    if (this.#keepComments && spaces[0] === "\n") {
      token.post = { text: `${spaces.join("")}\n`, column: this.#codePointColumn(start), line: start.line };
    }
    return token;
  }

  #skipPlainWord(): void {
    const text = this.#text;
    const inFlow = this.#flow.length > 0;
    for (; this.#index < text.length; this.#index++) {
      if (this.#blankAt(0)) return;
      const char = text.charAt(this.#index);
      if (char === ":") {
        if (this.#blankAt(1)) return;
      } else if (inFlow && ",[]{}".includes(char)) return;
    }
  }

  #scanPlainSpaces(): string[] {
    const from = this.#index;
    while (this.#char() === " ") this.#index++;
    const blanks = this.#text.slice(from, this.#index);
    const char = this.#char();
    if (char === END || !BREAKS.includes(char)) return blanks === "" ? [] : [blanks];
    const lineBreak = this.#lineBreak();
    this.#allowKey = true;
    if (this.#atSeparator("---") || this.#atSeparator("...")) return [];
    const breaks: string[] = [];
    for (;;) {
      const next = this.#char();
      if (next === " ") this.#index++;
      else if (next !== END && BREAKS.includes(next)) {
        breaks.push(this.#lineBreak());
        if (this.#atSeparator("---") || this.#atSeparator("...")) return [];
      } else break;
    }
    if (lineBreak !== "\n") return [lineBreak, ...breaks];
    return breaks.length === 0 ? [" "] : breaks;
  }

  // --- reading ---

  #skipToToken(): Comment | undefined {
    if (this.#index === 0 && this.#text.charCodeAt(0) === 0xfeff) {
      this.#index = 1;
      this.#lineStart = 1;
    }
    const inFlow = this.#flow.length > 0;
    for (;;) {
      while (this.#char() === " " || (inFlow && this.#char() === "\t")) this.#index++;
      const char = this.#char();
      if (char === "#") {
        const comment = this.#readComment();
        if (this.#keepComments) return comment;
      } else if (char !== END && BREAKS.includes(char)) {
        this.#lineBreak();
        if (!inFlow) this.#allowKey = true;
        if (this.#keepComments && this.#char() === "\n") return this.#readEmptyLines();
      } else return undefined;
    }
  }

  #readComment(): Comment {
    const start = this.#mark();
    const from = this.#index;
    while (this.#index < this.#text.length && !BREAKS.includes(this.#char())) this.#index++;
    let text = this.#text.slice(from, this.#index);
    if (this.#index >= this.#text.length) text += "\n";
    else for (let more = this.#lineBreak(); more !== ""; more = this.#lineBreak()) text += more;
    if (this.#flow.length === 0) this.#allowKey = true;
    return { text: text.replace(/ +$/, ""), column: this.#codePointColumn(start), line: start.line };
  }

  #readEmptyLines(): Comment {
    const start = this.#mark();
    let text = "";
    for (;;) {
      const char = this.#char();
      if (char === " " || char === "\t") {
        text += char;
        this.#index++;
      } else {
        const more = this.#lineBreak();
        if (more === "") break;
        text += more;
      }
    }
    if (this.#char() === "#") text = `${text.slice(0, text.lastIndexOf("\n"))}\n`;
    return { text: text.replace(/ +$/, ""), column: 0, line: start.line };
  }

  #char(): string {
    return this.#text.charAt(this.#index);
  }

  /** The character under the cursor as messages show it. */
  #shown(): string {
    const code = this.#text.codePointAt(this.#index);
    return pyStringRepr(code === undefined ? "\0" : String.fromCodePoint(code));
  }

  #unexpected(context: string, start: Mark, expected: string): YamlProblem {
    return new YamlProblem(context, start, `${expected}, but found ${this.#shown()}`, this.#mark());
  }

  /** Whether a blank, a line break or the end stands `offset` units ahead. */
  #blankAt(offset: number): boolean {
    const at = this.#index + offset;
    if (at >= this.#text.length) return true;
    const code = this.#text.charCodeAt(at);
    return code <= 32
      ? code === 32 || code === 10 || code === 13 || code === 9
      : code === 0x85 || code === 0x2028 || code === 0x2029;
  }

  #atSeparator(text: string): boolean {
    return this.#index === this.#lineStart && this.#text.startsWith(text, this.#index) && this.#blankAt(3);
  }

  #lineBreak(): string {
    const char = this.#char();
    if (char === END || !BREAKS.includes(char)) return "";
    this.#index += char === "\r" && this.#text.charAt(this.#index + 1) === "\n" ? 2 : 1;
    this.#line++;
    this.#lineStart = this.#index;
    return char === "\u2028" || char === "\u2029" ? char : "\n";
  }

  #column(): number {
    return this.#index - this.#lineStart;
  }

  #mark(): Mark {
    return { index: this.#index, line: this.#line, column: this.#index - this.#lineStart };
  }

  #codePointColumn(mark: Mark): number {
    const before = this.#text.slice(mark.index - mark.column, mark.index);
    return before.length - (before.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
  }
}
