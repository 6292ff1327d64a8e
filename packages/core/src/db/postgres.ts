import type * as Pg from "pg";
import type PgCursor from "pg-cursor";
import { DvcError } from "../base/errors.ts";
import { importPackage } from "../fs/optionalPackage.ts";
import {
  type Cell,
  type Database,
  type DatabaseOptions,
  Json,
  parseDay,
  parseMoment,
  type QueryRows,
  quotedName,
} from "./cell.ts";
import type { ConnectionUrl } from "./connectionUrl.ts";
import { asked, databaseFailure } from "./failure.ts";

/** Rows fetched at once. */
const BATCH = 1000;
const CONNECT_TIMEOUT = 30_000;

type PgClient = Pg.Client;
type PgModule = typeof Pg;
type CursorClass = typeof PgCursor;

/** Connects to PostgreSQL through `pg`. All is read in one transaction that is taken back at the end. */
export async function openPostgres(url: ConnectionUrl, options: DatabaseOptions): Promise<Database> {
  const pg = (await importPackage("pg", "PostgreSQL databases", () => import("pg"))) as PgModule & {
    default?: PgModule;
  };
  // CommonJS: the class itself, or the default of what `import` makes of it.
  const loaded: unknown = await importPackage("pg-cursor", "PostgreSQL databases", () => import("pg-cursor"));
  const Cursor = (loaded as { default?: CursorClass }).default ?? (loaded as CursorClass);
  const { Client } = pg.default ?? pg;
  const host = url.query.get("host") ?? url.host;
  const user = options.username ?? url.username;
  const password = options.password ?? url.password;
  const client = new Client({
    ...(host === undefined ? {} : { host }),
    ...(url.port === undefined ? {} : { port: url.port }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(url.database === undefined ? {} : { database: url.database }),
    ...sslOf(url),
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    // Everything as the text that the server writes: a number of JavaScript cannot hold all integers.
    types: { getTypeParser: () => (text: string | Buffer) => text },
  });
  // A connection that breaks between queries; whoever asks next learns of it.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("set time zone 'UTC'; set datestyle to 'ISO'; set intervalstyle to 'postgres'");
    await client.query(options.isForeign === true ? "begin read only" : "begin");
  } catch (error) {
    await client.end().catch(() => undefined);
    throw databaseFailure(error);
  }
  return new PostgresDatabase(client, Cursor);
}

function sslOf(url: ConnectionUrl): { ssl?: boolean | { rejectUnauthorized: boolean } } {
  switch (url.query.get("sslmode")) {
    case "verify-ca":
    case "verify-full":
      return { ssl: { rejectUnauthorized: true } };
    case "require":
      return { ssl: { rejectUnauthorized: false } };
    case "disable":
      return { ssl: false };
    default:
      return {};
  }
}

class PostgresDatabase implements Database {
  readonly #client: PgClient;
  readonly #Cursor: CursorClass;

  constructor(client: PgClient, Cursor: CursorClass) {
    this.#client = client;
    this.#Cursor = Cursor;
  }

  async test(): Promise<void> {
    await this.#all("select 1", []);
  }

  async hasTable(name: string): Promise<boolean> {
    const sql =
      "select 1 from pg_catalog.pg_class where relname = $1 and relkind in ('r', 'p', 'f', 'v', 'm') and pg_catalog.pg_table_is_visible(oid)";
    return (await this.#all(sql, [name])) > 0;
  }

  async #all(sql: string, values: string[]): Promise<number> {
    return (await asked(() => this.#client.query(sql, values))).rows.length;
  }

  table(name: string): Promise<QueryRows> {
    return this.query(`select * from ${quotedName(name)}`);
  }

  async query(sql: string): Promise<QueryRows> {
    const cursor = this.#client.query(new this.#Cursor<unknown[]>(sql, [], { rowMode: "array" }));
    let fields: { name: string; dataTypeID: number }[] = [];
    const read = (): Promise<unknown[][]> =>
      new Promise((done, fail) => {
        cursor.read(BATCH, (error: Error | null | undefined, rows, result) => {
          if (error !== undefined && error !== null) {
            fail(databaseFailure(error));
            return;
          }
          fields = (result as unknown as { fields?: typeof fields } | undefined)?.fields ?? fields;
          done(rows);
        });
      });
    let next = await read();
    if (fields.length === 0) throw new DvcError("This result object does not return rows.");
    const readers = fields.map(({ dataTypeID }) => readerOf(dataTypeID));
    async function* batches(): AsyncGenerator<Cell[][]> {
      for (; next.length > 0; next = await read()) {
        yield next.map((row) =>
          row.map((value, at) => (typeof value === "string" ? (readers[at]?.(value) ?? value) : null)),
        );
      }
    }
    return { columns: fields.map(({ name }) => name), batches: batches() };
  }

  async close(): Promise<void> {
    await this.#client.query("rollback").catch(() => undefined);
    await this.#client.end().catch(() => undefined);
  }
}

/** Types by their fixed numbers in the catalog; what is not listed stays the server's text. */
function readerOf(type: number): ((text: string) => Cell) | undefined {
  switch (type) {
    case 20: // int8
    case 21: // int2
    case 23: // int4
    case 26: // oid
      return BigInt;
    case 700: // float4
    case 701: // float8
    case 1700: // numeric
      return Number;
    case 16: // bool
      return (text) => text === "t";
    case 1082:
      return (text) => parseDay(text) ?? text;
    case 1114:
      return (text) => parseMoment(text, false) ?? text;
    case 1184:
      return (text) => parseMoment(text, true) ?? text;
    case 17: // bytea
      return (text) => (text.startsWith("\\x") ? new Uint8Array(Buffer.from(text.slice(2), "hex")) : text);
    case 114: // json
    case 3802: // jsonb
      return (text) => new Json(JSON.parse(text));
    default:
      return undefined;
  }
}
