import { pyFloatRepr, pyRepr } from "../formats/pyValues.ts";
import { type Cell, Day, Json, Moment } from "./cell.ts";
import type { ColumnKind } from "./columnKinds.ts";

/** The first line of a CSV file. */
export function csvHeader(columns: readonly string[]): string {
  return `${columns.map(quoted).join(",")}\n`;
}

/** One line of a CSV file, as pandas writes it. NULL and the empty text are both nothing. */
export function csvLine(row: readonly Cell[], kinds: readonly ColumnKind[]): string {
  const fields = kinds.map((kind, at) => quoted(fieldText(row[at] ?? null, kind)));
  // A line with one empty field would be an empty line.
  return fields.length === 1 && fields[0] === "" ? '""\n' : `${fields.join(",")}\n`;
}

function quoted(field: string): string {
  return /[,"\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

function fieldText(cell: Cell, kind: ColumnKind): string {
  if (cell === null || (typeof cell === "number" && Number.isNaN(cell))) return "";
  if (kind.kind === "float") return pyFloatRepr(Number(cell));
  if (kind.kind === "moment" && cell instanceof Moment) return momentText(cell, kind.precision);
  if (typeof cell === "number") return pyFloatRepr(cell);
  if (typeof cell === "boolean") return cell ? "True" : "False";
  if (cell instanceof Uint8Array) return bytesRepr(cell);
  if (cell instanceof Day) return cell.text;
  if (cell instanceof Moment) return momentText(cell, cell.micros % 1_000_000n === 0n ? 0 : 6);
  if (cell instanceof Json) return typeof cell.value === "string" ? cell.value : pyRepr(cell.value);
  return String(cell);
}

function momentText({ micros, hasZone }: Moment, precision: "day" | 0 | 3 | 6): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const date = new Date(Number((micros - fraction) / 1000n));
  const year = String(date.getUTCFullYear()).padStart(4, "0");
  const iso = date.toISOString();
  const [day = "", time = ""] = iso.slice(iso.indexOf("-", 1) + 1, -1).split("T");
  const start = `${year}-${day}`;
  if (precision === "day") return start;
  const digits = precision === 0 ? "" : `.${fraction.toString().padStart(6, "0").slice(0, precision)}`;
  return `${start} ${time.slice(0, 8)}${digits}${hasZone ? "+00:00" : ""}`;
}

/** Bytes as Python writes them: `b'\x00a'`. */
function bytesRepr(bytes: Uint8Array): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  let text = `b${quote}`;
  for (const byte of bytes) {
    const sign = String.fromCharCode(byte);
    if (sign === quote || sign === "\\") text += `\\${sign}`;
    else if (byte === 9) text += "\\t";
    else if (byte === 10) text += "\\n";
    else if (byte === 13) text += "\\r";
    else if (byte < 32 || byte > 126) text += `\\x${byte.toString(16).padStart(2, "0")}`;
    else text += sign;
  }
  return text + quote;
}
