import { DvcError } from "../base/errors.ts";

/** The parts of a database URL, as SQLAlchemy reads them. */
export interface ConnectionUrl {
  /** `postgresql`, `sqlite`, …; what follows a `+` (the Python driver) is left out. */
  readonly dialect: string;
  /** As written, with the Python driver. */
  readonly drivername: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** What follows the third slash; for SQLite and DuckDB a path, absolute with a fourth. */
  readonly database: string | undefined;
  readonly query: ReadonlyMap<string, string>;
}

const URL_PATTERN =
  /^([\w+]+):\/\/(?:([^:/]*)(?::([^@]*))?@)?(?:(?:\[([^/?]+)\]|([^/:?]+))?(?::([^/?]*))?)?(?:\/([^?]*))?(?:\?(.*))?$/s;

/** @throws {DvcError} for a text that is no such URL; the text, which may hold a password, is not repeated. */
export function parseConnectionUrl(text: string): ConnectionUrl {
  const match = URL_PATTERN.exec(text);
  if (match === null) throw new DvcError("Could not parse SQLAlchemy URL from given URL string");
  const [, drivername = "", username, password, host6, host4, port, database, query] = match;
  if (port !== undefined && !/^\d{0,5}$/.test(port)) throw new DvcError("the port of the database's URL is no number");
  return {
    dialect: drivername.split("+")[0] ?? "",
    drivername,
    username: username === undefined ? undefined : decoded(username),
    password: password === undefined ? undefined : decoded(password),
    host: host4 ?? host6,
    port: port === undefined || port === "" ? undefined : Number(port),
    database: database === "" ? undefined : database,
    query: new Map(new URLSearchParams(query ?? "")),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
