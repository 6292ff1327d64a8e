import type { Comment } from "./yamlScanner.ts";

/** Longest line, in characters, before folding. */
const WIDTH = 80;
const BREAKS = "\n\x85\u2028\u2029";
const ESCAPES: Readonly<Record<string, string>> = {
  "\0": "0",
  "\x07": "a",
  "\b": "b",
  "\t": "t",
  "\n": "n",
  "\v": "v",
  "\f": "f",
  "\r": "r",
  "\x1b": "e",
  '"': '"',
  "\\": "\\",
  "\x85": "N",
  "\xa0": "_",
  "\u2028": "L",
  "\u2029": "P",
};

/**
 * The output and its position: column, whether the last thing written was blank or indentation. Scalars are folded here by
 * ruamel.yaml's rules, which `docs/formats.md` describes. Columns count code points.
 */
export class YamlWriter {
  readonly #parts: string[] = [];
  column = 0;
  whitespace = true;
  indention = true;
  noNewline = false;
  /** Columns of continuation lines; undefined at the root. */
  indent: number | undefined;
  readonly indents: { readonly indent: number | undefined; readonly sequence: boolean }[] = [];
  /** Set by scalars at the root, which need `...` after them. */
  openEnded = false;

  text(): string {
    return this.#parts.join("");
  }

  put(text: string): void {
    this.#parts.push(text);
  }

  /** Writes and counts. */
  write(text: string): void {
    this.column += lengthOf(text);
    this.#parts.push(text);
  }

  indicator(text: string, needBlank: boolean, whitespace = false, indention = false): void {
    const data = this.whitespace || !needBlank ? text : ` ${text}`;
    this.whitespace = whitespace;
    this.indention = this.indention && indention;
    this.openEnded = false;
    this.write(data);
  }

  lineBreak(text = "\n"): void {
    this.whitespace = true;
    this.indention = true;
    this.column = 0;
    this.#parts.push(text);
  }

  writeIndent(): void {
    const indent = this.indent ?? 0;
    if (!this.indention || this.column > indent || (this.column === indent && !this.whitespace)) {
      if (this.noNewline) this.noNewline = false;
      else this.lineBreak();
    }
    if (this.column < indent) {
      this.whitespace = true;
      this.#parts.push(" ".repeat(indent - this.column));
      this.column = indent;
    }
  }

  pushIndent(flow: boolean, sequence: boolean, indentless = false): void {
    this.indents.push({ indent: this.indent, sequence });
    if (this.indent === undefined) this.indent = flow ? undefined : 0;
    else if (!indentless) this.indent += 2;
  }

  popIndent(): void {
    this.indent = this.indents.pop()?.indent;
  }

  isWide(): boolean {
    return this.column > WIDTH;
  }

  // --- comments ---

  /** A comment behind what was just written, and the lines below it. */
  postComment(comment: Comment): void {
    const text = comment.text.endsWith("\n") ? comment.text.slice(0, -1) : comment.text;
    this.#commentText(text, comment);
    this.lineBreak();
  }

  /** Comments on lines of their own. */
  preComments(comments: readonly Comment[]): void {
    for (const comment of comments) {
      if (this.column !== 0) this.lineBreak();
      this.#commentText(comment.text, comment);
    }
  }

  #commentText(text: string, comment: Comment): void {
    let blanks = comment.text.startsWith("\n") ? 0 : comment.column - this.column;
    if (this.column > 0 && text.trim() !== "" && blanks < 1 && !text.startsWith("\n")) blanks = 1;
    this.#parts.push(" ".repeat(Math.max(0, blanks)) + text);
  }

  // --- scalars ---

  /**
   * `whole`: on one line, however long. ruamel breaks keys of block mappings, and then nobody can read them; behind several
   * spaces, where it breaks too, nothing is broken here: all but one of them would be lost.
   */
  plain(text: string, { split, root, whole }: { split: boolean; root: boolean; whole: boolean }): void {
    if (root) this.openEnded = true;
    if (text === "") return;
    if (!this.whitespace) this.write(" ");
    this.whitespace = false;
    this.indention = false;
    const runs = text.match(/ +|[^ ]+/g) ?? [];
    let isLast = false;
    for (const [index, run] of runs.entries()) {
      isLast = index === runs.length - 1;
      if (run.startsWith(" ")) {
        if (run.length === 1 && this.column >= WIDTH && split && !isLast) this.#breakLine();
        else this.write(run);
      } else {
        const mayBreak = !whole && (runs[index - 1]?.length ?? 1) === 1;
        if (mayBreak && lengthOf(run) + this.column > WIDTH && this.indent !== undefined && this.column > this.indent)
          this.writeIndent();
        this.write(run);
      }
    }
  }

  #breakLine(): void {
    this.writeIndent();
    this.whitespace = false;
    this.indention = false;
  }

  singleQuoted(text: string, split: boolean): void {
    this.indicator("'", true);
    const chars = Array.from(text);
    const runs = splitRuns(chars);
    let at = 0;
    for (const run of runs) {
      const start = at;
      at += run.length;
      const first = run[0] ?? "";
      if (first === " ") {
        if (run.length === 1 && this.column > WIDTH && split && start !== 0 && at !== chars.length) this.writeIndent();
        else this.write(run.join(""));
      } else if (BREAKS.includes(first)) {
        if (first === "\n") this.lineBreak();
        for (const char of run) this.lineBreak(char === "\n" ? "\n" : char);
        this.writeIndent();
      } else this.write(run.join("").replaceAll("'", "''"));
    }
    this.indicator("'", false);
  }

  doubleQuoted(text: string, split: boolean): void {
    this.indicator('"', true);
    const chars = Array.from(text);
    let start = 0;
    for (let end = 0; end <= chars.length; end++) {
      const char = chars[end];
      if (char === undefined || needsEscape(char)) {
        if (start < end) {
          this.write(chars.slice(start, end).join(""));
          start = end;
        }
        if (char !== undefined) {
          this.write(escaped(char));
          start = end + 1;
        }
      }
      if (!(end > 0 && end < chars.length - 1 && (char === " " || start >= end))) continue;
      if (this.column + (end - start) <= WIDTH || !split) continue;
      // ruamel goes by the first alone, and what it breaks elsewhere gains or loses a space.
      const backslash = needsBackslash(chars, start, end) || !isLoneSpace(chars, Math.max(start, end));
      this.write(chars.slice(start, Math.max(start, end)).join("") + (backslash ? "\\" : ""));
      if (start < end) start = end;
      this.writeIndent();
      this.whitespace = false;
      this.indention = false;
      if (chars[start] === " ") {
        if (backslash) this.write("\\");
        else start++;
      }
    }
    this.indicator('"', false);
  }

  literal(text: string, header: string, root: boolean): void {
    const hints = blockHints(text);
    this.indicator(`|${hints}${header}`, true);
    if (hints.endsWith("+")) this.openEnded = true;
    this.lineBreak();
    for (const run of text.match(/[\n\x85\u2028\u2029]+|[^\n\x85\u2028\u2029]+/g) ?? []) {
      if (BREAKS.includes(run.charAt(0))) for (const char of run) this.lineBreak(char);
      else {
        if (root) this.#parts.push(" ".repeat((/^[1-9]/.test(hints) ? 2 : 0) + (this.indent ?? 0)));
        else this.writeIndent();
        this.#parts.push(run);
        this.whitespace = false;
        this.indention = false;
        this.column = (this.indent ?? 0) + 1;
      }
    }
    if (text === "" || !BREAKS.includes(text.slice(-1))) this.lineBreak();
  }

  folded(text: string, header: string): void {
    const hints = blockHints(text.replaceAll("\x07", ""));
    this.indicator(`>${hints}${header}`, true);
    if (hints.endsWith("+")) this.openEnded = true;
    this.lineBreak();
    const chars = Array.from(text);
    let leadingSpace = true;
    let spaces = false;
    let breaks = true;
    let start = 0;
    for (let end = 0; end <= chars.length; end++) {
      const char = chars[end];
      if (breaks) {
        if (char === undefined || !`${BREAKS}\x07`.includes(char)) {
          if (!leadingSpace && char !== undefined && char !== " " && chars[start] === "\n") this.lineBreak();
          leadingSpace = char === " ";
          for (const one of chars.slice(start, end)) this.lineBreak(one);
          if (char !== undefined) this.writeIndent();
          start = end;
        }
      } else if (spaces) {
        if (char !== " ") {
          // ruamel breaks everywhere; at the end, before a break, and in a line that begins with a blank, the space would be lost.
          const isLost = leadingSpace || char === undefined || `${BREAKS}\t`.includes(char);
          if (start + 1 === end && this.column > WIDTH && !isLost) this.writeIndent();
          else this.#foldedText(chars.slice(start, end));
          start = end;
        }
      } else if (char === undefined || char === " " || char === "\x07" || BREAKS.includes(char)) {
        this.#foldedText(chars.slice(start, end));
        if (char === "\x07") {
          this.lineBreak();
          this.writeIndent();
          end += 1;
          start = end + 1;
          breaks = false;
          spaces = false;
          continue;
        }
        if (char === undefined) this.lineBreak();
        start = end;
      }
      if (char !== undefined) {
        breaks = BREAKS.includes(char);
        spaces = char === " ";
      }
    }
  }

  #foldedText(chars: readonly string[]): void {
    this.write(chars.join(""));
    this.whitespace = false;
    this.indention = false;
  }
}

function lengthOf(text: string): number {
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
}

function splitRuns(chars: readonly string[]): string[][] {
  const runs: string[][] = [];
  const kind = (char: string): number => (char === " " ? 1 : BREAKS.includes(char) ? 2 : 0);
  for (const char of chars) {
    const last = runs.at(-1);
    if (last !== undefined && kind(last[0] ?? "") === kind(char)) last.push(char);
    else runs.push([char]);
  }
  return runs;
}

function needsEscape(char: string): boolean {
  if ('"\\\x85\u2028\u2029\ufeff'.includes(char)) return true;
  const code = char.codePointAt(0) ?? 0;
  return !(
    (code >= 0x20 && code <= 0x7e) ||
    (code >= 0xa0 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    code > 0xffff
  );
}

function escaped(char: string): string {
  const short = ESCAPES[char];
  if (short !== undefined) return `\\${short}`;
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** Whether a break at `end` would read back as something else without a backslash. */
function needsBackslash(chars: readonly string[], start: number, end: number): boolean {
  let space = chars.indexOf(" ", end);
  if (space === -1) return true;
  const newline = chars.indexOf("\n", end);
  if (newline !== -1 && newline < space) space = newline;
  const next = chars[space + 1];
  if (next === undefined) return true;
  if (chars[space] === "\n" && next !== " ") return true;
  const between = chars.slice(end, space);
  const plain = !between.includes('"') && !between.includes("'");
  const twoSpaces = chars[end - 1] === " " && chars[end] === " ";
  return !(plain && next !== " " && next !== "\n" && !twoSpaces && start !== end);
}

/** Whether a line break stands for just what is there. */
function isLoneSpace(chars: readonly string[], at: number): boolean {
  return chars[at] === " " && chars[at - 1] !== " " && chars[at + 1] !== " ";
}

function blockHints(text: string): string {
  if (text === "") return "";
  let hints = ` ${BREAKS}`.includes(text.charAt(0)) ? "2" : "";
  if (!BREAKS.includes(text.slice(-1))) hints += "-";
  else if (text.length === 1 || BREAKS.includes(text.charAt(text.length - 2))) hints += "+";
  return hints;
}
