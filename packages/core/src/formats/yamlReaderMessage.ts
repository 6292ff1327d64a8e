import { FormatError } from "../base/errors.ts";
import type { Mark } from "./yamlScanner.ts";
import { YamlProblem } from "./yamlScanner.ts";

/** Of the line at fault, so much to each side is shown. */
const SIDE = 36.5;
/** Where more was left out, so much of it makes room for the dots. */
const DOTS = " ... ";

/** Turns a syntax problem into the reader's own text (ruamel's), as DVC tells it of params and metrics; other errors pass through. */
export function asReaderError(error: unknown, text: string, file: string): unknown {
  if (!(error instanceof YamlProblem)) return error;
  const { context, contextMark, problem, mark } = error;
  const lines: string[] = [];
  if (context !== undefined) lines.push(context);
  if (contextMark !== undefined && (contextMark.line !== mark.line || contextMark.column !== mark.column))
    lines.push(place(text, contextMark));
  lines.push(problem, place(text, mark));
  if (problem.startsWith("found duplicate key"))
    lines.push("\nTo suppress this check see:\n    https://yaml.dev/doc/ruamel.yaml/api/#Duplicate_keys\n");
  return new FormatError(lines.join("\n"), { file, line: mark.line + 1, column: mark.column + 1 });
}

function place(text: string, { line, column }: Mark): string {
  const source = text.split(/\r\n|[\n\r\0\x85\u2028\u2029]/)[line] ?? "";
  const isCutBefore = column > SIDE;
  const start = isCutBefore ? column - Math.floor(SIDE) - 1 + DOTS.length : 0;
  const isCutBehind = source.length - column > SIDE;
  const end = isCutBehind ? column + Math.floor(SIDE) + 1 - DOTS.length : source.length;
  const head = isCutBefore ? DOTS : "";
  const caret = " ".repeat(4 + column - start + head.length);
  return (
    `  in "<unicode string>", line ${String(line + 1)}, column ${String(column + 1)}:\n` +
    `    ${head}${source.slice(start, end)}${isCutBehind ? DOTS : ""}\n${caret}^ (line: ${String(line + 1)})`
  );
}
