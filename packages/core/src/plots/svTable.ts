/** Rows of a CSV or TSV file. Values are texts; null where a row was short. Rows that are too long keep the rest as a list under "null". */
export interface SvTable {
  readonly rows: Record<string, unknown>[];
  /** The last column's name; undefined for an empty file. */
  readonly lastField: string | undefined;
}

/**
 * Reads separated values as Python's `csv` does: quotes, doubled quotes, line breaks in quotes; empty lines are left out.
 * @param header whether the first row holds names; otherwise columns are called 0, 1, 2…
 */
export function parseSv(text: string, delimiter: string, header: boolean): SvTable {
  const records = recordsOf(text, delimiter);
  const [first] = records;
  if (first === undefined) return { rows: [], lastField: undefined };
  const fields = header ? first : first.map((_, index) => String(index));
  const rows = (header ? records.slice(1) : records).map((record) => rowOf(fields, record));
  return { rows, lastField: fields.at(-1) };
}

function rowOf(fields: readonly string[], record: readonly string[]): Record<string, unknown> {
  const pairs = fields.map((field, index): [string, unknown] => [field, record[index] ?? null]);
  if (record.length > fields.length) pairs.push(["null", record.slice(fields.length)]);
  return Object.fromEntries(pairs);
}

function recordsOf(text: string, delimiter: string): string[][] {
  if (!text.includes('"')) {
    return text
      .split(/\r\n|\n|\r/)
      .filter((line) => line !== "")
      .map((line) => line.split(delimiter));
  }
  const records: string[][] = [];
  let record: string[] = [];
  let field = "";
  let isQuoted = false;
  let isAny = false;
  const endRecord = (): void => {
    if (isAny) records.push([...record, field]);
    record = [];
    field = "";
    isAny = false;
  };
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (isQuoted) {
      if (char !== '"') field += char;
      else if (text.charAt(at + 1) === '"') field += text.charAt(++at);
      else isQuoted = false;
    } else if (char === "\n" || char === "\r") {
      if (char === "\r" && text.charAt(at + 1) === "\n") at++;
      endRecord();
    } else {
      isAny = true;
      if (char === '"' && field === "") isQuoted = true;
      else if (char === delimiter) {
        record.push(field);
        field = "";
      } else field += char;
    }
  }
  endRecord();
  return records;
}
