/** A plain table: the first line names the columns; no cell holds a comma, a quote or a line break. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Reads a table and checks that each row has a cell for each column. */
export function parseCsv(text: string, name: string): Table {
  const [head, ...lines] = text.split(/\r?\n/).filter((line) => line !== "");
  if (head === undefined) throw new Error(`${name}: empty`);
  const columns = head.split(",");
  const rows = lines.map((line, index) => {
    const cells = line.split(",");
    if (cells.length !== columns.length)
      throw new Error(`${name}, line ${index + 2}: ${cells.length} cells, expected ${columns.length}`);
    return cells;
  });
  return { columns, rows };
}

/** The text of a table, one line a row. */
export function formatCsv(table: Table): string {
  return [table.columns, ...table.rows].map((row) => row.join(",") + "\n").join("");
}
