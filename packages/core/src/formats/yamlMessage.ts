import { InvalidFileError } from "../base/errors.ts";
import { YamlProblem } from "./yamlScanner.ts";
import type { Mark } from "./yamlScanner.ts";

/** Columns that DVC assumes when it does not write to a terminal. */
const WIDTH = 80;
const TAB = 4;
/** So much of one line is shown: a file of one endless line is no screenful of help. */
const MOST_SHOWN = 2000;

/** The whole message for a syntax problem: headline, the two places, each with its line of text. */
export function syntaxMessage(problem: YamlProblem, text: string, file: string): string {
  const conflict = /^([<=>]{7}) .*$/m.test(text) ? " (possible merge conflicts)" : "";
  const source = text.split(/\r\n|[\n\r\x0b\f\x1c-\x1e\x85\u2028\u2029]/);
  const lines = [`'${file}' is invalid${conflict}.`, ""];
  const at = (mark: Mark): string => snippet(source[mark.line] ?? "", mark.line + 1);
  const { contextMark, mark } = problem;
  if (problem.context !== undefined && contextMark !== undefined) {
    lines.push(caption(problem.context, contextMark));
    if (contextMark.line !== mark.line || contextMark.column !== mark.column) lines.push(at(contextMark), "");
  }
  lines.push(caption(problem.problem, mark), at(mark));
  return wrapAll(lines);
}

function caption(message: string, mark: Mark): string {
  const capital = message.charAt(0).toUpperCase() + message.slice(1).toLowerCase();
  return `${capital}, in line ${String(mark.line + 1)}, column ${String(mark.column + 1)}`;
}

function wrapAll(lines: readonly string[]): string {
  // Snippets have their full width already.
  return lines.map((line) => (line.includes("\n") ? line : wrapLine(line).join("\n"))).join("\n");
}

/** Breaks a message at words so that no line is wider than the screen; the space before a break stays. */
export function wrapLine(line: string): string[] {
  const words = line.match(/\s*\S+\s*/g) ?? [line];
  const rows: string[] = [];
  let row = "";
  for (const word of words) {
    if (row !== "" && row.length + word.trimEnd().length > WIDTH) {
      rows.push(row);
      row = "";
    }
    row += word;
    while (row.trimEnd().length > WIDTH) {
      rows.push(row.slice(0, WIDTH));
      row = row.slice(WIDTH);
    }
  }
  rows.push(row);
  return rows.map((one) => (one.length > WIDTH ? one.trimEnd().padEnd(WIDTH).slice(0, WIDTH) : one));
}

/** One line of code with its number, as wide as the screen. */
function snippet(code: string, line: number): string {
  return codeLines([expandTabs(code)], line, String(line).length);
}

/** Lines `from` to `to` (from 1, inclusive) of `text`, numbered. */
export function excerpt(text: string, from: number, to: number): string {
  const breaks = text.split("\n").length - 1;
  const lines = text.split("\n");
  const first = Math.max(0, from - 1);
  return codeLines(lines.slice(first, to).map(expandTabs), first + 1, String(breaks + 1).length);
}

function expandTabs(line: string): string {
  let shown = "";
  for (const char of line.slice(0, MOST_SHOWN)) shown += char === "\t" ? " ".repeat(TAB - (shown.length % TAB)) : char;
  return line.length > MOST_SHOWN ? `${shown}…` : shown;
}

function codeLines(lines: readonly string[], first: number, digits: number): string {
  const width = WIDTH - digits - 3;
  const shown = indentGuides(lines);
  const rows: string[] = [];
  for (const [index, line] of shown.entries()) {
    for (const [part, row] of wrapCode(line, width).entries()) {
      const margin = part === 0 ? `  ${String(first + index).padStart(digits)} ` : " ".repeat(digits + 3);
      rows.push(margin + row.padEnd(width));
    }
  }
  return rows.join("\n");
}

function indentGuides(lines: readonly string[]): string[] {
  const shown: string[] = [];
  let blanks = 0;
  for (const line of lines) {
    const match = /^( *)(.*)$/.exec(line);
    const indent = match?.[1]?.length ?? 0;
    const rest = match?.[2] ?? "";
    if (rest === "") {
      blanks++;
      continue;
    }
    const guide = `│${" ".repeat(TAB - 1)}`.repeat(Math.floor(indent / TAB)) + " ".repeat(indent % TAB);
    for (; blanks > 0; blanks--) shown.push(guide);
    shown.push(guide + rest);
  }
  for (; blanks > 0; blanks--) shown.push("");
  return shown;
}

function wrapCode(line: string, width: number): string[] {
  const words = line.match(/\s*\S+\s*/g) ?? [""];
  const rows: string[] = [];
  let row = "";
  for (const word of words) {
    if (row !== "" && row.length + word.trimEnd().length > width) {
      rows.push(row);
      row = "";
    }
    row += word;
    while (row.trimEnd().length > width) {
      rows.push(row.slice(0, width));
      row = row.slice(width);
    }
  }
  rows.push(row);
  return rows.map((one) => (one.length > width ? one.trimEnd().slice(0, width) : one));
}

/** Turns a syntax problem into the error that DVC shows; other errors pass through. */
export function asFormatError(error: unknown, text: string, file: string): unknown {
  if (!(error instanceof YamlProblem)) return error;
  const at = { file, line: error.mark.line + 1, column: error.mark.column + 1 };
  return new InvalidFileError(syntaxMessage(error, text, file), at);
}
