/** A calendar day, `2024-01-31`; years of four digits. */
export class Day {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A moment with a precision of a microsecond: since 1970, in UTC. */
export class Moment {
  readonly micros: bigint;
  /** Whether the database knows the time zone. */
  readonly hasZone: boolean;
  constructor(micros: bigint, hasZone: boolean) {
    this.micros = micros;
    this.hasZone = hasZone;
  }
}

/** A JSON document. */
export class Json {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

/** One value of a row. Integers are `bigint`; a `number` is a float, decimals included. */
export type Cell = null | boolean | bigint | number | string | Uint8Array | Day | Moment | Json;

/** Rows of a query. */
export interface QueryRows {
  readonly columns: readonly string[];
  /** In the order of the database, in batches of any size; to be read once. */
  readonly batches: AsyncIterable<readonly (readonly Cell[])[]>;
}

/** An open database. Rejects with DvcError, the database's own words as its cause. */
export interface Database {
  /** Runs a trivial query. */
  test(): Promise<void>;
  /** Whether a table or view of this name can be seen. */
  hasTable(name: string): Promise<boolean>;
  /** All rows of a query, or of the table of that name. */
  query(sql: string): Promise<QueryRows>;
  table(name: string): Promise<QueryRows>;
  close(): Promise<void>;
}

/** How to open. */
export interface DatabaseOptions {
  /** For relative paths of files. */
  readonly cwd: string;
  /** An empty folder of the caller's, for what a driver wants to write; it goes when the database was closed. */
  readonly scratch: string;
  readonly username?: string;
  readonly password?: string;
  /** The SQL comes from a file of a repository, not from the user: it may only read, and only the database itself. */
  readonly isForeign?: boolean;
}

const MOMENT =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?(?:(Z)|([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?)?$/;

/** Reads `2024-01-31 12:30:00.5+01`; undefined for other texts (`infinity`, years before Christ). */
export function parseMoment(text: string, hasZone: boolean): Moment | undefined {
  const match = MOMENT.exec(text);
  if (match === null) return undefined;
  const [
    ,
    year,
    month,
    day,
    hour = "0",
    minute = "0",
    second = "0",
    fraction = "",
    ,
    sign,
    zh = "0",
    zm = "0",
    zs = "0",
  ] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  const offset = (sign === "-" ? -1 : 1) * ((Number(zh) * 60 + Number(zm)) * 60 + Number(zs));
  const seconds = date.getTime() / 1000 - (sign === undefined ? 0 : offset);
  return new Moment(BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, "0") || "0"), hasZone);
}

/** `2024-01-31` as days are written; undefined for other texts. */
export function parseDay(text: string): Day | undefined {
  return /^\d{4}-\d\d-\d\d$/.test(text) ? new Day(text) : undefined;
}

/** A name of a table or column as SQL writes it. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
