import { DvcError } from "../base/errors.ts";
import type { Database, DatabaseOptions } from "./cell.ts";
import { type ConnectionUrl, parseConnectionUrl } from "./connectionUrl.ts";

/** Databases by the first word of their URL. One line each; drivers are loaded when they are needed. */
const OPENERS: Readonly<Record<string, (url: ConnectionUrl, options: DatabaseOptions) => Promise<Database>>> = {
  duckdb: async (url, options) => (await import("./duckdb.ts")).openDuckdb(url, options),
  postgresql: async (url, options) => (await import("./postgres.ts")).openPostgres(url, options),
  sqlite: async (url, options) => (await import("./sqlite.ts")).openSqlite(url, options),
};

/**
 * Opens the database that a URL names in SQLAlchemy's form: `sqlite:///rel.db`, `postgresql://user@host/name`,
 * `duckdb:////abs.duckdb`.
 * @throws {DvcError} for others; {ConfigError} when the package that can read it is missing.
 */
export function openDatabase(url: string, options: DatabaseOptions): Promise<Database> {
  const parsed = parseConnectionUrl(url);
  const open = Object.hasOwn(OPENERS, parsed.dialect) ? OPENERS[parsed.dialect] : undefined;
  if (open !== undefined) return open(parsed, options);
  throw new DvcError(`Could not load database driver for '${parsed.drivername}'`, {
    code: "unsupported",
    hint: `Databases that can be read: ${Object.keys(OPENERS).join(", ")}.`,
  });
}
