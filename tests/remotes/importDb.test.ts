import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import sqlite from "node-sqlite3-wasm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DvcError } from "../../packages/core/src/base/errors.ts";
import type { Environment } from "../../packages/core/src/base/platform.ts";
import { importDb } from "../../packages/core/src/api/importDb.ts";
import { repro } from "../../packages/core/src/api/repro.ts";
import { update } from "../../packages/core/src/api/update.ts";
import { startPostgres, type PostgresServer } from "../support/postgresServer.ts";
import { makeProject, type ProjectFixture } from "../support/project.ts";

const FIXTURES = join(import.meta.dirname, "..", "fixtures", "importDb");
const fixture = (name: string): string => readFileSync(join(FIXTURES, name), "utf8");
const QUERY = "select i, n, b, f, fn, s, d, ts, bo, num, allnull from t";

let server: PostgresServer;
let project: ProjectFixture;

const read = (name: string): string => readFileSync(join(project.root, name), "utf8");

/** The text of an error and its causes. */
async function failure(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) return "no failure";
  const texts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) texts.push(at.message);
  return error instanceof DvcError ? texts.join(": ") : `unexpected: ${texts.join(": ")}`;
}

function configure(url: string, more = ""): void {
  writeFileSync(join(project.root, ".dvc", "config.local"), `['db "shop"']\n    url = ${url}\n${more}`);
}

async function inRepo<T>(
  work: (repo: ReturnType<ProjectFixture["open"]>) => Promise<T>,
  env: Partial<Environment> = {},
) {
  const repo = project.open({}, env);
  try {
    return await work(repo);
  } finally {
    repo.close();
  }
}

const run = (options: Omit<Parameters<typeof importDb>[1], "connection">): Promise<unknown> =>
  inRepo((repo) => importDb(repo, { connection: "shop", ...options }));

/** Imports table and query in both forms and compares all with what DVC wrote. */
async function compareAll(prefix: string): Promise<void> {
  for (const format of ["csv", "json"] as const) {
    await run({ table: "t", format, out: `table.${format}` });
    await run({ sql: QUERY, format, out: `query.${format}` });
    expect(read(`table.${format}`)).toBe(fixture(`table.${format}`));
    expect(read(`query.${format}`)).toBe(fixture(`${prefix}query.${format}`));
  }
}

function makeSqlite(name: string, sql: string): void {
  const database = new sqlite.Database(join(project.root, name));
  database.exec(sql);
  database.close();
}

async function makeDuckdb(name: string, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(join(project.root, name));
  const connection = await instance.connect();
  await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}

beforeAll(async () => {
  server = await startPostgres();
  await server.run(fixture("tables.sql"));
});

afterAll(() => server.stop());

beforeEach(() => {
  project = makeProject();
});

afterEach(() => {
  project.remove();
});

describe("import-db from PostgreSQL", () => {
  beforeEach(() => {
    configure(server.url);
  });

  it("writes what DVC writes, its record too", async () => {
    await compareAll("");
    for (const name of ["table.csv", "query.json"]) expect(read(`${name}.dvc`)).toBe(fixture(`${name}.dvc`));
    expect(read(".gitignore")).toContain("/table.csv\n");
  });

  it("decides the kind of a column for each 10,000 rows of CSV and once for JSON", async () => {
    const sql =
      "select i, nullif(i, 10002) as n, timestamp '2024-01-01' + (i / 10001) * interval '1 hour' as t from generate_series(1, 20001) i";
    await run({ sql, out: "many.csv" });
    const lines = read("many.csv").split("\n");
    expect(lines.length).toBe(20_003);
    expect(lines[10_000]).toBe("10000,10000,2024-01-01");
    expect(lines[10_001]).toBe("10001,10001.0,2024-01-01 01:00:00");
    expect(lines[10_002]).toBe("10002,,2024-01-01 01:00:00");
    expect(lines[20_001]).toBe("20001,20001,2024-01-01 01:00:00");
    await run({ sql, format: "json", out: "many.json" });
    const rows = JSON.parse(read("many.json")) as unknown[];
    expect(rows.length).toBe(20_001);
    expect(read("many.json").startsWith('[{"i":1,"n":1.0,"t":1704067200000},')).toBe(true);
    expect(read("many.json").endsWith('{"i":20001,"n":20001.0,"t":1704070800000}]')).toBe(true);
    expect(readdirSync(join(project.root, ".dvc", "tmp")).filter((name) => name.startsWith("import-"))).toEqual([]);
  });

  it("writes zones, JSON, bytes and floats that are no numbers as DVC does", async () => {
    const sql = `select timestamptz '2024-01-02 03:04:05.25+02' as tz, '{"a": [null, "x", true]}'::jsonb as j, '\\x00ff61'::bytea as y, 'NaN'::float8 as nan, '-Infinity'::float8 as inf`;
    await run({ sql, out: "odd.csv" });
    expect(read("odd.csv")).toBe(
      `tz,j,y,nan,inf\n2024-01-02 01:04:05.250000+00:00,"{'a': [None, 'x', True]}",b'\\x00\\xffa',,-inf\n`,
    );
  });

  it("runs the query again on update, within a transaction that cannot write when a file wrote the query", async () => {
    await server.run("create table counter (n integer); insert into counter values (1)");
    await run({ sql: "select n from counter", out: "c.csv" });
    await server.run("update counter set n = 2");
    await inRepo((repo) => update(repo, ["c.csv.dvc"]));
    expect(read("c.csv")).toBe("n\n2\n");
    // The user's own statement may do what it likes, and is taken back.
    await run({ sql: "update counter set n = 3 returning n", out: "d.csv" });
    expect(read("d.csv")).toBe("n\n3\n");
    expect(await failure(inRepo((repo) => update(repo, ["d.csv.dvc"])))).toContain("read-only transaction");
    await inRepo((repo) => update(repo, ["c.csv.dvc"]));
    expect(read("c.csv")).toBe("n\n2\n");
  });

  it("leaves file and record as they are when the query fails", async () => {
    await run({ table: "t", out: "t.csv" });
    const before = read("t.csv.dvc");
    expect(await failure(run({ sql: "select * from nope", out: "t.csv", force: true }))).toBe(
      'The database returned the following error: relation "nope" does not exist',
    );
    expect(await failure(run({ sql: "create table x (i int)", out: "x.csv" }))).toContain("does not return rows");
    expect(read("t.csv.dvc")).toBe(before);
    expect(existsSync(join(project.root, "x.csv"))).toBe(false);
    expect(existsSync(join(project.root, "x.csv.dvc"))).toBe(false);
  });

  it("takes name and password from the config, and never repeats them", async () => {
    const url = server.url.replace("ann:secret@", "");
    configure(url, "    username = ann\n    password = secret\n");
    await run({ sql: "select 1 as one", out: "one.csv" });
    configure(url, "    username = ann\n    password = wrong-token\n");
    const text = await failure(run({ sql: "select 1 as one", out: "two.csv" }));
    expect(text).toContain("password authentication failed");
    expect(text).not.toContain("wrong-token");
    configure(server.url.replace(/:\d+\//, ":1/"));
    expect(await failure(run({ table: "t" }))).toContain("ECONNREFUSED");
  });

  it("sends no password of the user's to a server that a cloned project names", async () => {
    const foreign = server.url.replace("ann:secret@", "ann@");
    writeFileSync(join(project.root, ".dvc", "config"), `['db "shop"']\n    url = ${foreign}\n`);
    writeFileSync(join(project.root, ".dvc", "config.local"), "");
    const attempt = (env: Record<string, string>): Promise<string> =>
      failure(
        inRepo((repo) => importDb(repo, { connection: "shop", table: "t", out: "t.csv", force: true }), {
          env: { ...project.environment().env, ...env },
        }),
      );
    expect(await attempt({ PGPASSWORD: "secret" })).toContain("PGPASSWORD is set without PGHOST");
    writeFileSync(join(project.root, ".dvc", "config.local"), `['db "shop"']\n    password = secret\n`);
    expect(await attempt({})).toContain("'password' of database 'shop' is set in the local config");
    configure(foreign, "    password = secret\n");
    expect(await attempt({})).toBe("no failure");
    expect(read("t.csv")).toBe(fixture("table.csv"));
  });
});

describe("import-db from SQLite", () => {
  it("writes what DVC writes", async () => {
    makeSqlite("x.db", fixture("tables.sql"));
    configure("sqlite:///x.db");
    await compareAll("sqlite.");
  });

  it("takes any query: comments, semicolons, columns of one name, none, values of all types", async () => {
    makeSqlite(
      "x.db",
      "create table mix(a); insert into mix values (1), ('x'), (2.5), (null), (x'0a27'); create table empty(a, b)",
    );
    configure("sqlite:///x.db");
    await run({ table: "mix", out: "mix.csv" });
    expect(read("mix.csv")).toBe(`a\n1\nx\n2.5\n""\n"b""\\n'"""\n`);
    await run({ sql: "select a from mix where a is null or a = 1 order by a desc; -- end", out: "q.csv" });
    expect(read("q.csv")).toBe('a\n1.0\n""\n');
    await run({ sql: `select 'x' as "a,b", 2 as "a,b"`, out: "dup.csv" });
    expect(read("dup.csv")).toBe('"a,b","a,b"\nx,2\n');
    expect(await failure(run({ sql: "select 1 as a, 2 as a", format: "json", out: "dup.json" }))).toBe(
      "DataFrame columns must be unique for orient='records'.",
    );
    await run({ table: "empty" });
    await run({ table: "empty", format: "json" });
    expect([read("empty.csv"), read("empty.json")]).toEqual(["a,b\n", "[]"]);
  });

  it("does not write to the database, nor make one", async () => {
    makeSqlite("x.db", "create table t(a); insert into t values (1)");
    configure("sqlite:///x.db");
    for (const sql of ["delete from t", "attach 'other.db' as o", "create table u(a)"])
      expect(await failure(run({ sql, out: "o.csv" }))).toContain("The database returned the following error");
    configure("sqlite:///nope.db");
    expect(await failure(run({ table: "t" }))).toContain("unable to open database file");
    expect(existsSync(join(project.root, "nope.db"))).toBe(false);
    project.put("text.db", "this is no database, but a text that is long enough to be taken for one\n".repeat(20));
    configure("sqlite:///text.db");
    expect(await failure(run({ table: "t" }))).toContain("not a database");
  });

  it("is done again by repro when it is not frozen and its file is lost", async () => {
    makeSqlite("x.db", "create table t(a); insert into t values (1)");
    configure("sqlite:///x.db");
    await run({ table: "t" });
    const text = read("t.csv.dvc");
    project.put("t.csv.dvc", text.replace("frozen: true\n", "").replace(/^ {2}(table: t)\n$/m, "  $1\n"));
    makeSqlite("x.db", "insert into t values (2)");
    await inRepo((repo) => repro(repo, ["t.csv.dvc"], { force: true }));
    expect(read("t.csv")).toBe("a\n1\n2\n");
  });
});

describe("import-db from DuckDB", () => {
  it("writes what DVC writes", async () => {
    await makeDuckdb("x.duckdb", fixture("tables.sql"));
    configure("duckdb:///x.duckdb");
    await compareAll("");
  });

  it("reads other files when the user asks, not when a file of the project does", async () => {
    await makeDuckdb("x.duckdb", "create table t(a integer)");
    configure("duckdb:///x.duckdb");
    project.put("people.csv", "name\nann\n");
    await run({ sql: `select name from read_csv('${join(project.root, "people.csv")}')`, out: "p.csv" });
    expect(read("p.csv")).toBe("name\nann\n");
    expect(await failure(inRepo((repo) => update(repo, ["p.csv.dvc"])))).toContain("disabled by configuration");
  });
});

describe("import-db", () => {
  it("says what it does not know", async () => {
    expect(await failure(run({ table: "t" }))).toBe("connection shop not found in config");
    configure("mysql://ann:secret@localhost/shop");
    expect(await failure(run({ table: "t" }))).toBe("Could not load database driver for 'mysql'");
    configure("nonsense");
    expect(await failure(run({ table: "t" }))).toBe("Could not parse SQLAlchemy URL from given URL string");
    project.put("taken.csv", "x");
    expect(await failure(run({ table: "t", out: "taken.csv" }))).toContain("already exists locally");
  });
});
