import type * as Duck from "@duckdb/node-api";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { DvcError } from "../base/errors.ts";
import { importPackage } from "../fs/optionalPackage.ts";
import { type Cell, type Database, type DatabaseOptions, Day, Moment, type QueryRows, quotedName } from "./cell.ts";
import type { ConnectionUrl } from "./connectionUrl.ts";
import { asked, databaseFailure } from "./failure.ts";

type DuckModule = typeof Duck;
type Connection = Duck.DuckDBConnection;
type Instance = Duck.DuckDBInstance;

/** Opens a DuckDB file, to be read only, or an empty database for queries on files. */
export async function openDuckdb(url: ConnectionUrl, options: DatabaseOptions): Promise<Database> {
  const load = (): Promise<DuckModule> => import("@duckdb/node-api");
  const duck = await importPackage("@duckdb/node-api", "DuckDB databases", load);
  const file = url.database === ":memory:" ? undefined : url.database;
  const path = file === undefined ? ":memory:" : resolve(options.cwd, file);
  if (file !== undefined && !existsSync(path)) throw databaseFailure(new Error(`there is no database file '${path}'`));
  try {
    const instance = await duck.DuckDBInstance.create(path, {
      ...(file === undefined ? {} : { access_mode: "READ_ONLY" }),
      // SQL of somebody else's must not read or write other files, nor the network.
      ...(options.isForeign === true ? { enable_external_access: "false", lock_configuration: "true" } : {}),
    });
    return new DuckDatabase(duck, instance, await instance.connect());
  } catch (error) {
    throw databaseFailure(error);
  }
}

class DuckDatabase implements Database {
  readonly #duck: DuckModule;
  readonly #instance: Instance;
  readonly #connection: Connection;

  constructor(duck: DuckModule, instance: Instance, connection: Connection) {
    this.#duck = duck;
    this.#instance = instance;
    this.#connection = connection;
  }

  async test(): Promise<void> {
    await asked(() => this.#connection.run("select 1"));
  }

  async hasTable(name: string): Promise<boolean> {
    const sql = "select 1 from information_schema.tables where table_schema = current_schema() and table_name = $1";
    const reader = await asked(() => this.#connection.runAndReadAll(sql, [name]));
    return reader.currentRowCount > 0;
  }

  table(name: string): Promise<QueryRows> {
    return this.query(`select * from ${quotedName(name)}`);
  }

  async query(sql: string): Promise<QueryRows> {
    const result = await asked(() => this.#connection.stream(sql));
    const { DuckDBTypeId } = this.#duck;
    const readers = result.columnTypes().map(({ typeId }) => readerOf(DuckDBTypeId[typeId]));
    if (result.columnCount === 0) throw new DvcError("This result object does not return rows.");
    async function* batches(): AsyncGenerator<Cell[][]> {
      for (;;) {
        const chunk = await asked(() => result.fetchChunk());
        if (chunk === null || chunk.rowCount === 0) return;
        yield chunk
          .getRows()
          .map((row) => row.map((value, at) => (value === null ? null : (readers[at]?.(value) ?? String(value)))));
      }
    }
    return { columns: result.columnNames(), batches: batches() };
  }

  close(): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
    return Promise.resolve();
  }
}

const DAY_MICROS = 86_400_000_000n;

/** Undefined for nested values, times, intervals and the like: those are texts as DuckDB writes them. */
function readerOf(type: string | undefined): ((value: unknown) => Cell) | undefined {
  switch (type) {
    case "BOOLEAN":
      return (value) => value === true;
    case "TINYINT":
    case "SMALLINT":
    case "INTEGER":
    case "BIGINT":
    case "UTINYINT":
    case "USMALLINT":
    case "UINTEGER":
    case "UBIGINT":
    case "HUGEINT":
    case "UHUGEINT":
      return (value) => BigInt(value as number | bigint);
    case "FLOAT":
    case "DOUBLE":
      return Number;
    case "DECIMAL":
      return (value) => Number(String(value));
    case "BLOB":
      return (value) => new Uint8Array((value as { bytes: Uint8Array }).bytes);
    case "DATE":
      return (value) => dayOf((value as { days: number }).days) ?? String(value);
    case "TIMESTAMP":
      return (value) => new Moment((value as { micros: bigint }).micros, false);
    case "TIMESTAMP_TZ":
      return (value) => new Moment((value as { micros: bigint }).micros, true);
    case "TIMESTAMP_S":
      return (value) => new Moment((value as { seconds: bigint }).seconds * 1_000_000n, false);
    case "TIMESTAMP_MS":
      return (value) => new Moment((value as { millis: bigint }).millis * 1000n, false);
    case "TIMESTAMP_NS":
      return (value) => new Moment((value as { nanos: bigint }).nanos / 1000n, false);
    default:
      return undefined;
  }
}

/** Undefined for years of more than four digits. */
function dayOf(days: number): Day | undefined {
  const date = new Date(Number((BigInt(days) * DAY_MICROS) / 1000n));
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) return undefined;
  return new Day(date.toISOString().slice(0, 10));
}
