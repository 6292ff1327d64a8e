/** `[name]`, `[[name]]`: how deep by its brackets on either side, which need not agree, and the name with its quotes. */
export interface SectionLine {
  readonly open: number;
  readonly close: number;
  readonly name: string;
}

/** `key = value`; the key with its quotes, the value with all behind it. */
export interface KeywordLine {
  readonly key: string;
  readonly value: string;
}

const isSpace = (char: string): boolean => /\s/.test(char);

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text.charAt(at))) at++;
  return at;
}

/**
 * Reads a line as the head of a section. The name ends where only closing brackets follow, and maybe a comment; in quotes
 * it may hold anything. Takes time linear in the line, whatever stands there.
 */
export function sectionLine(line: string): SectionLine | undefined {
  let at = skipSpace(line, 0);
  let open = 0;
  for (; line.charAt(at) === "["; at = skipSpace(line, at + 1)) open++;
  if (open === 0 || at >= line.length) return undefined;
  const quote = line.charAt(at);
  const isQuoted = quote === '"' || quote === "'";
  for (const { from, to, close } of bracketRuns(line, at + 1)) {
    if (to < line.length && line.charAt(to) !== "#") continue;
    const name = line.slice(at, from);
    if (!isQuoted || (name.endsWith(quote) && name.slice(1, -1).trim() !== "")) return { open, close, name };
  }
  return undefined;
}

/** Runs of blanks and `]` with at least one of these: from where, to where, how many. */
function* bracketRuns(line: string, start: number): Generator<{ from: number; to: number; close: number }> {
  for (let at = start; at < line.length;) {
    const from = at;
    let close = 0;
    for (; at < line.length; at++) {
      const char = line.charAt(at);
      if (char === "]") close++;
      else if (!isSpace(char)) break;
    }
    if (close > 0) yield { from, to: at, close };
    if (at === from) at++;
  }
}

/** Reads a line as an option. A key in quotes may hold `=`. Takes time linear in the line. */
export function keywordLine(line: string): KeywordLine | undefined {
  const start = skipSpace(line, 0);
  const quote = line.charAt(start);
  if (quote !== '"' && quote !== "'") {
    const equals = line.indexOf("=", start + 1);
    if (equals < 0 || quote === "=") return undefined;
    return { key: line.slice(start, equals).trimEnd(), value: valueAfter(line, equals) };
  }
  for (let end = line.indexOf(quote, start + 1); end !== -1; end = line.indexOf(quote, end + 1)) {
    const equals = skipSpace(line, end + 1);
    if (line.charAt(equals) === "=") return { key: line.slice(start, end + 1), value: valueAfter(line, equals) };
  }
  return undefined;
}

function valueAfter(line: string, equals: number): string {
  return line.slice(skipSpace(line, equals + 1));
}
