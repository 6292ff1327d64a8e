import { OWN_ESCAPE } from "./colour.ts";

/** A table's look: `plain` is columns with two spaces between, `github` is Markdown. */
export type TableFormat = "plain" | "github";

/** How a table is laid out. */
export interface TableOptions {
  readonly headers?: readonly string[];
  readonly format?: TableFormat;
  /** Columns to align right. */
  readonly right?: readonly number[];
}

/** At least 0. There may be more rows than a call takes arguments. */
function largest(numbers: readonly number[]): number {
  return numbers.reduce((most, one) => Math.max(most, one), 0);
}

/** Lays rows out as Python's `tabulate` does; no line ends in spaces. "" when there is nothing. */
export function table(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const all = options.headers === undefined ? rows : [options.headers, ...rows];
  const count = largest(all.map((row) => row.length));
  if (count === 0) return "";
  const github = options.format === "github";
  const widths = Array.from({ length: count }, (_, column) => {
    const widest = largest(all.map((row) => displayWidth(row[column] ?? "")));
    // tabulate makes a column at least two wider than its header.
    return options.headers !== undefined ? Math.max(widest, displayWidth(options.headers[column] ?? "") + 2) : widest;
  });
  const right = new Set(options.right);
  const line = (row: readonly string[]): string[] =>
    widths.map((width, column) => pad(row[column] ?? "", width, right.has(column)));
  if (!github) return all.map((row) => line(row).join("  ").trimEnd()).join("\n");
  const lines = all.map((row) => `| ${line(row).join(" | ")} |`);
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  if (options.headers === undefined) return [rule, ...lines].join("\n");
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

function pad(text: string, width: number, right: boolean): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return right ? space + text : text + space;
}

/** Columns a text takes on a terminal: our colours none, wide East Asian characters two. */
export function displayWidth(text: string): number {
  const [first = "", ...painted] = text.split(OWN_ESCAPE);
  const bare = first + painted.map((part) => part.slice(part.indexOf("m") + 1)).join("");
  if (/^[\x20-\x7e]*$/.test(bare)) return bare.length;
  let width = 0;
  for (const char of bare.normalize("NFC")) width += /\p{M}/u.test(char) ? 0 : isWide(char.codePointAt(0) ?? 0) ? 2 : 1;
  return width;
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}
