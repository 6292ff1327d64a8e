import { existsSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { DvcError } from "../base/errors.ts";
import { importPackage } from "../fs/optionalPackage.ts";
import type { Cell, Database, DatabaseOptions, QueryRows } from "./cell.ts";
import { parseDay, parseMoment, quotedName } from "./cell.ts";
import type { ConnectionUrl } from "./connectionUrl.ts";
import { databaseFailure } from "./failure.ts";

/** What both drivers offer. Numbers may come as `number` or `bigint`. */
interface Driver {
  run(sql: string): void;
  rows(sql: string): Iterable<Record<string, unknown>>;
  close(): void;
}

const BATCH = 1000;
/** Name of the temporary view that stands for the query; it tells the columns. */
const VIEW = "holdfast_query";

/** Opens a SQLite file, to be read only. By Node's own driver where it has one, else by `node-sqlite3-wasm`. */
export async function openSqlite(url: ConnectionUrl, options: DatabaseOptions): Promise<Database> {
  const file = url.database;
  if (file === undefined || file === ":memory:")
    throw new DvcError("a SQLite database in memory holds nothing to import");
  const path = resolve(options.cwd, file);
  if (!existsSync(path)) throw databaseFailure(new Error(`unable to open database file: '${path}'`));
  const driver = openNodeDriver(path) ?? (await openWasmDriver(linkedIn(options.scratch, path)));
  return new SqliteDatabase(driver);
}

/**
 * The other driver locks a database by a folder beside it, which a killed run leaves, so that nobody who uses it can read the
 * database again; SQLite itself does not know that lock. Opened by links, the folder is one in `scratch`.
 */
function linkedIn(scratch: string, path: string): string {
  const link = join(scratch, "db");
  for (const part of ["", "-journal", "-wal"])
    if (part === "" || existsSync(path + part)) symlinkSync(path + part, link + part);
  return link;
}

/** Undefined before Node 22. */
function openNodeDriver(path: string): Driver | undefined {
  const module = process.getBuiltinModule("node:sqlite") as NodeSqlite | undefined;
  if (module === undefined) return undefined;
  const database = guarded(() => new module.DatabaseSync(path, { readOnly: true }));
  return {
    run: (sql) => {
      database.exec(sql);
    },
    *rows(sql) {
      const statement = database.prepare(sql);
      statement.setReadBigInts(true);
      yield* statement.iterate() as Iterable<Record<string, unknown>>;
    },
    close: () => {
      database.close();
    },
  };
}

/** The part of `node:sqlite` used here; the types of Node 20 lack it. */
interface NodeSqlite {
  DatabaseSync: new (
    path: string,
    options: { readOnly: boolean },
  ) => {
    exec(sql: string): void;
    prepare(sql: string): { setReadBigInts(on: boolean): void; iterate(): Iterable<unknown> };
    close(): void;
  };
}

async function openWasmDriver(path: string): Promise<Driver> {
  const name = "node-sqlite3-wasm";
  const module = (await importPackage(
    name,
    "SQLite databases on Node before 22",
    () => import("node-sqlite3-wasm"),
  )) as {
    default?: WasmSqlite;
  } & Partial<WasmSqlite>;
  const { Database: WasmDatabase } = (module.default ?? module) as WasmSqlite;
  const database = guarded(() => new WasmDatabase(path, { readOnly: true, fileMustExist: true }));
  return {
    run: (sql) => {
      const statement = database.prepare(sql);
      try {
        statement.run();
      } finally {
        statement.finalize();
      }
    },
    *rows(sql) {
      const statement = database.prepare(sql);
      try {
        yield* statement.iterate();
      } finally {
        statement.finalize();
      }
    },
    close: () => {
      database.close();
    },
  };
}

interface WasmSqlite {
  Database: new (
    path: string,
    options: { readOnly: boolean; fileMustExist: boolean },
  ) => {
    prepare(sql: string): { run(): void; iterate(): Iterable<Record<string, unknown>>; finalize(): void };
    close(): void;
  };
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw databaseFailure(error);
  }
}

class SqliteDatabase implements Database {
  readonly #driver: Driver;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  test(): Promise<void> {
    // A file that is no database is only met when it is read.
    return Promise.resolve(void guarded(() => [...this.#driver.rows("select count(*) from sqlite_master")]));
  }

  hasTable(name: string): Promise<boolean> {
    return Promise.resolve(guarded(() => this.#columns(name).length > 0));
  }

  query(sql: string): Promise<QueryRows> {
    const names = guarded(() => {
      this.#driver.run(`drop view if exists temp.${VIEW}`);
      // On a line of its own: the query may end with a comment.
      this.#driver.run(`create temp view ${VIEW} as\n${sql.replace(/[;\s]+$/, "")}\n`);
      return this.#columns(VIEW).map(({ name }) => name);
    });
    return Promise.resolve(this.#select(names, VIEW, () => undefined));
  }

  table(name: string): Promise<QueryRows> {
    const columns = guarded(() => this.#columns(name));
    const readers = columns.map(({ type }) => readerOf(type));
    const names = columns.map((column) => column.name);
    return Promise.resolve(this.#select(names, quotedName(name), (at) => readers[at]));
  }

  #columns(name: string): { name: string; type: string }[] {
    return [...this.#driver.rows(`pragma table_info(${quotedName(name)})`)].map((row) => ({
      name: String(row["name"]),
      type: String(row["type"]),
    }));
  }

  #select(
    names: readonly string[],
    from: string,
    reader: (at: number) => ((cell: Cell) => Cell) | undefined,
  ): QueryRows {
    const list = names.map((name, at) => {
      const index = String(at);
      return `${quotedName(name)} as c${index}, typeof(${quotedName(name)}) as t${index}`;
    });
    const sql = `select ${list.join(", ")} from ${from}`;
    const driver = this.#driver;
    async function* batches(): AsyncGenerator<Cell[][]> {
      let batch: Cell[][] = [];
      try {
        for (const row of driver.rows(sql)) {
          batch.push(
            names.map((_, at) => {
              const cell = readCell(row[`c${String(at)}`], row[`t${String(at)}`]);
              return reader(at)?.(cell) ?? cell;
            }),
          );
          if (batch.length < BATCH) continue;
          yield batch;
          batch = [];
          // Between batches, so that an interrupt is seen.
          await new Promise(setImmediate);
        }
      } catch (error) {
        throw databaseFailure(error);
      }
      if (batch.length > 0) yield batch;
    }
    return { columns: withoutCounters(names), batches: batches() };
  }

  close(): Promise<void> {
    this.#driver.close();
    return Promise.resolve();
  }
}

/** A view tells columns of one name apart by `:1`. */
function withoutCounters(names: readonly string[]): string[] {
  return names.map((name) => {
    const plain = name.replace(/:\d+$/, "");
    return plain !== name && names.includes(plain) ? plain : name;
  });
}

function readCell(value: unknown, type: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (type === "integer") return BigInt(value as number | bigint);
  if (type === "real") return Number(value);
  if (value instanceof Uint8Array) return value;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** How the declared type of a column reads its values, as SQLAlchemy does it for tables. */
function readerOf(declared: string): ((cell: Cell) => Cell) | undefined {
  const type = /^[\w ]+/.exec(declared.toUpperCase())?.[0].trim();
  if (type === "DATE") return (cell) => (typeof cell === "string" ? (parseDay(cell) ?? cell) : cell);
  if (type === "DATETIME" || type === "TIMESTAMP")
    return (cell) => (typeof cell === "string" ? (parseMoment(cell, false) ?? cell) : cell);
  if (type === "BOOLEAN" || type === "BOOL") return (cell) => (typeof cell === "bigint" ? cell !== 0n : cell);
  if (type === "NUMERIC" || type === "DECIMAL") return (cell) => (typeof cell === "bigint" ? Number(cell) : cell);
  return undefined;
}
