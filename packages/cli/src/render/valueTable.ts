import type { FileChanges } from "@holdfast/core/api/metricsDiff";
import { compareCodePoints, flatten, type RevisionValues, valueText } from "@holdfast/core/api/metricsShow";
import { type Paint, plain } from "./colour.ts";
import { directionOf } from "./direction.ts";
import { table } from "./table.ts";

/** What DVC shows where there is no value. */
const NONE = "-";

/** How tables of values look. */
export interface ValueTableOptions {
  /** As GitHub's Markdown, also when empty. */
  readonly markdown: boolean;
  /** Decimals that floats are rounded to. */
  readonly precision?: number;
  /** For a terminal. */
  readonly paint?: Paint;
}

/** A table of metrics, one row a file; "" when there is none. */
export function metricsTable(
  revisions: readonly RevisionValues[],
  { withRevisions, ...options }: ValueTableOptions & { readonly withRevisions: boolean },
): string {
  const rows = revisions.flatMap((revision) =>
    "error" in revision ? [] : revision.files.map((file) => metricsRow(revision.name, file, options.precision)),
  );
  const metrics = new Set(rows.flatMap((row) => [...row.keys()]));
  for (const fixed of ["Revision", "Path"]) metrics.delete(fixed);
  const headers = [...(withRevisions ? ["Revision"] : []), "Path", ...[...metrics].sort(compareCodePoints)];
  return layOut(
    rows.map((row) => headers.map((header) => row.get(header) ?? NONE)),
    headers,
    options,
  );
}

type FileRow = Extract<RevisionValues, { readonly files: unknown }>["files"][number];

function metricsRow(revision: string, file: FileRow, precision: number | undefined): Map<string, string> {
  const row = new Map([
    ["Revision", revision],
    ["Path", file.path],
  ]);
  const data = "data" in file ? file.data : {};
  const isMapping = typeof data === "object" && data !== null && Object.getPrototypeOf(data) === Object.prototype;
  const values = isMapping ? flatten(data as Record<string, unknown>) : new Map([["", data]]);
  for (const [key, value] of values) row.set(key, valueText(value, precision));
  return row;
}

/** What a table of differences shows. */
export interface DiffTableOptions extends ValueTableOptions {
  /** Header of the column of keys. */
  readonly title: string;
  readonly older: string;
  readonly newer: string;
  readonly withPath: boolean;
  readonly withChange: boolean;
}

/** A table of differences, one row a value; "" when there is none. */
export function diffTable(files: readonly FileChanges[], options: DiffTableOptions): string {
  const { title, older, newer, withPath, withChange, precision, paint = plain } = options;
  const text = (value: unknown): string => (value === null || value === undefined ? NONE : valueText(value, precision));
  const rows = files.flatMap(({ path, changes }) =>
    changes.map((one) => {
      const direction = withChange ? directionOf(one.key, one.old, one.new) : "unknown";
      const colour = direction === "better" ? "green" : direction === "worse" ? "red" : undefined;
      const shown = (cell: string): string => (colour === undefined ? cell : paint(cell, colour));
      const values = [one.key, text(one.old), text(one.new)];
      return [...(withPath ? [path] : []), ...values, ...(withChange ? [shown(text(one.diff))] : [])];
    }),
  );
  const headers = [...(withPath ? ["Path"] : []), title, older, newer, ...(withChange ? ["Change"] : [])];
  return layOut(rows, headers, options);
}

function layOut(rows: readonly string[][], headers: readonly string[], options: ValueTableOptions): string {
  if (rows.length === 0 && !options.markdown) return "";
  const { paint = plain } = options;
  const lines = rows.flatMap(physicalRows);
  if (options.markdown) return `${table(lines, { headers, format: "github" })}\n`;
  const [head = "", ...below] = table(lines, { headers }).split("\n");
  return [paint(head, "bold"), ...below].join("\n");
}

/** A row of cells with several lines each as several rows, as `tabulate` lays them out. */
function physicalRows(row: readonly string[]): string[][] {
  const cells = row.map((cell) => cell.trim());
  if (!cells.some((cell) => /[\n\r]/.test(cell))) return [cells];
  const split = cells.map((cell) => cell.split(/\r\n|\n|\r/));
  return Array.from({ length: Math.max(...split.map((lines) => lines.length)) }, (_, at) =>
    split.map((lines) => lines[at] ?? ""),
  );
}
