import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { DvcError } from "../base/errors.ts";
import type { CallOptions } from "../base/events.ts";
import type { OsPath } from "../base/paths.ts";
import { writeAll } from "../fs/atomic.ts";
import { type Cell, Day, Json, Moment, type QueryRows } from "./cell.ts";
import { ColumnFacts, columnKinds } from "./columnKinds.ts";
import { csvHeader, csvLine } from "./csvText.ts";
import { jsonRecord, jsonText } from "./jsonText.ts";

/** The form of an exported table. */
export type TableFormat = "csv" | "json";

/** Rows whose column kinds are found out together, as DVC does it: bounds the memory. */
const CHUNK = 10_000;

/**
 * Writes the rows of a query to the new file `to`, byte by byte as DVC does through pandas. Memory does not grow with the
 * number of rows.
 * @returns how many rows there were.
 * @throws {DvcError} for what the form cannot hold.
 */
export async function exportRows(
  rows: QueryRows,
  to: OsPath,
  format: TableFormat,
  options: CallOptions,
): Promise<number> {
  const fd = openSync(to, "wx", 0o666);
  try {
    return await (format === "csv" ? writeCsv(rows, fd, options) : writeJson(rows, fd, `${to}.rows`, options));
  } finally {
    closeSync(fd);
  }
}

async function writeCsv(rows: QueryRows, fd: number, options: CallOptions): Promise<number> {
  const { columns } = rows;
  write(fd, csvHeader(columns));
  let count = 0;
  for await (const chunk of chunks(rows)) {
    options.signal?.throwIfAborted();
    const kinds = columnKinds(columns.length, chunk);
    write(fd, chunk.map((row) => csvLine(row, kinds)).join(""));
    count += chunk.length;
  }
  return count;
}

/** The kinds of columns are known when all rows have been seen: those wait in a file. */
async function writeJson(rows: QueryRows, fd: number, waiting: OsPath, options: CallOptions): Promise<number> {
  const { columns } = rows;
  if (new Set(columns).size < columns.length)
    throw new DvcError("DataFrame columns must be unique for orient='records'.");
  const spool = new Spool(waiting);
  const facts = columns.map(() => new ColumnFacts());
  let count = 0;
  try {
    for await (const chunk of chunks(rows)) {
      options.signal?.throwIfAborted();
      for (const row of chunk) row.forEach((cell, at) => facts[at]?.add(cell));
      spool.push(chunk);
      count += chunk.length;
    }
    const kinds = facts.map(({ kind }) => kind);
    const names = columns.map(jsonText);
    write(fd, "[");
    let isFirst = true;
    for (const chunk of spool.chunks()) {
      options.signal?.throwIfAborted();
      write(fd, (isFirst ? "" : ",") + chunk.map((row) => jsonRecord(names, row, kinds)).join(","));
      isFirst = false;
    }
    write(fd, "]");
  } finally {
    spool.remove();
  }
  return count;
}

function write(fd: number, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  writeAll(fd, bytes, bytes.byteLength);
}

async function* chunks({ batches }: QueryRows): AsyncGenerator<(readonly Cell[])[]> {
  let chunk: (readonly Cell[])[] = [];
  for await (const batch of batches) {
    for (const row of batch) {
      chunk.push(row);
      if (chunk.length < CHUNK) continue;
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}

/** Chunks of rows in a file, in order. A single chunk stays in memory. */
class Spool {
  readonly #path: OsPath;
  readonly #sizes: number[] = [];
  #last: (readonly Cell[])[] | undefined;
  #fd: number | undefined;

  constructor(path: OsPath) {
    this.#path = path;
  }

  push(chunk: (readonly Cell[])[]): void {
    const { serialize } = process.getBuiltinModule("node:v8");
    if (this.#last !== undefined) {
      this.#fd ??= openSync(this.#path, "wx+", 0o600);
      const bytes = serialize(this.#last.map((row) => row.map(packed)));
      for (let at = 0; at < bytes.byteLength;) at += writeSync(this.#fd, bytes, at);
      this.#sizes.push(bytes.byteLength);
    }
    this.#last = chunk;
  }

  *chunks(): Generator<(readonly Cell[])[]> {
    const { deserialize } = process.getBuiltinModule("node:v8");
    let position = 0;
    for (const size of this.#sizes) {
      const bytes = Buffer.allocUnsafe(size);
      for (let at = 0; at < size;) {
        const got = readSync(this.#fd ?? -1, bytes, at, size - at, position + at);
        if (got === 0) throw new DvcError(`'${this.#path}' was cut off`, { code: "io" });
        at += got;
      }
      position += size;
      yield (deserialize(bytes) as Packed[][]).map((row) => row.map(unpacked));
    }
    if (this.#last !== undefined) yield this.#last;
  }

  remove(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    rmSync(this.#path, { force: true });
  }
}

/** A cell without classes. */
type Packed =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | { day: string }
  | { micros: bigint; zone: boolean }
  | { json: unknown };

function packed(cell: Cell): Packed {
  if (cell instanceof Day) return { day: cell.text };
  if (cell instanceof Moment) return { micros: cell.micros, zone: cell.hasZone };
  return cell instanceof Json ? { json: cell.value } : cell;
}

function unpacked(value: Packed): Cell {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value;
  if ("day" in value) return new Day(value.day);
  return "micros" in value ? new Moment(value.micros, value.zone) : new Json(value.json);
}
