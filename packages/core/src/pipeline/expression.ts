import { isRecord, setKey } from "../formats/pyValues.ts";
import { TemplateProblem } from "./templateProblem.ts";

/** One `${…}` in a text. */
export interface Expression {
  readonly start: number;
  readonly end: number;
  /** What is between the braces. */
  readonly inner: string;
}

/** Finds the templates of a text; `\${` is not one. */
export function findExpressions(text: string): Expression[] {
  if (!text.includes("${")) return [];
  const found: Expression[] = [];
  let close = -1;
  let newline = -1;
  // The next brace and line break are looked for once each: time is linear, however many templates are left open.
  for (let start = text.indexOf("${"); start !== -1;) {
    const from = start + 2;
    if (close < from) close = endOf(text, "}", from);
    if (newline < from) newline = endOf(text, "\n", from);
    const isOne = close < text.length && close < newline && text[start - 1] !== "\\";
    if (isOne) found.push({ start, end: close + 1, inner: text.slice(from, close) });
    start = text.indexOf("${", isOne ? close + 1 : start + 1);
  }
  return found;
}

function endOf(text: string, sign: string, from: number): number {
  const at = text.indexOf(sign, from);
  return at === -1 ? text.length : at;
}

function isTemplate(text: string): boolean {
  return findExpressions(text).length > 0;
}

/**
 * Checks the grammar `word ( "." word | "[" word "]" )*` and returns the words joined by dots. White space belongs to the
 * words, but after a `]` it is skipped.
 * @throws {TemplateProblem} that points at the place.
 */
export function parseExpression(inner: string): string {
  const words: string[] = [];
  let at = wordEnd(inner, 0);
  if (at === 0) throw syntaxProblem(inner, 0, "!W:(.[])");
  words.push(inner.slice(0, at));
  for (at = blankEnd(inner, at); at < inner.length; at = blankEnd(inner, at)) {
    const open = inner[at];
    const end = wordEnd(inner, at + 1);
    const isAttribute = open === "." && end > at + 1;
    const isIndex = open === "[" && end > at + 1 && inner[end] === "]";
    if (!isAttribute && !isIndex) throw syntaxProblem(inner, at, "end of text");
    words.push(inner.slice(at + 1, end));
    at = isIndex ? end + 1 : end;
  }
  return words.join(".");
}

function blankEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \t\r\n".includes(text.charAt(at))) at++;
  return at;
}

function wordEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && !".[]".includes(text.charAt(at))) at++;
  return at;
}

function syntaxProblem(inner: string, at: number, expected: string): TemplateProblem {
  const char = at + 2;
  const found = at < inner.length ? inner.charAt(at) : "}";
  return new TemplateProblem(
    "syntax",
    `\${${inner}}\n${" ".repeat(char)}^\n` +
      `ParseException: Expected ${expected}, found '${found}'  (at char ${String(char)}), (line:1, col:${String(char + 1)})`,
  );
}

/** Checks every template within a value, keys of mappings too. @throws {TemplateProblem} */
export function checkExpressions(value: unknown): void {
  mapTexts(value, (text) => {
    for (const one of findExpressions(text)) parseExpression(one.inner);
    return text;
  });
}

/** Whether a template is anywhere within `value`, keys included. */
export function holdsTemplate(value: unknown): boolean {
  return holdsText(value, isTemplate);
}

/** Whether resolving would change `value`: it holds a template, or an escaped one. */
export function isChangedByResolving(value: unknown): boolean {
  return holdsText(value, (text) => text.includes("${"));
}

function holdsText(value: unknown, test: (text: string) => boolean): boolean {
  if (typeof value === "string") return test(value);
  if (Array.isArray(value)) return value.some((one) => holdsText(one, test));
  return isRecord(value) && Object.entries(value).some(([key, one]) => test(key) || holdsText(one, test));
}

/** Replaces every text within a value, keys of mappings too; the order is kept. */
export function mapTexts(value: unknown, change: (text: string) => unknown): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, change));
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) {
    const newKey = key.includes("${") ? keyOf(key, change(key)) : key;
    setKey(result, newKey, mapTexts(one, change));
  }
  return result;
}

/** Only a text or a number can be a key. @throws {TemplateProblem} */
function keyOf(written: string, value: unknown): string {
  if (typeof value === "object" && value !== null)
    throw new TemplateProblem("key", `'${written}' can't be a key here: write the value itself`);
  return String(value);
}
