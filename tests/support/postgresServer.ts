import { execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";
import { freePort } from "./ports.ts";
import { serving } from "./serverProcess.ts";

/** A real PostgreSQL on a loopback port; user `ann` with password `secret` owns the database `shop`. */
export interface PostgresServer {
  readonly port: number;
  /** In SQLAlchemy's form, with the password. */
  readonly url: string;
  run(sql: string): Promise<void>;
  stop(): Promise<void>;
}

const DEBIAN = "/usr/lib/postgresql";

function programs(): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const path = (process.env["PATH"] ?? "").split(delimiter);
  const folders = [...versions.map((version) => join(DEBIAN, version, "bin")), ...path];
  const found = folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
  if (found === undefined) throw new Error("PostgreSQL is missing: node scripts/setup-test-servers.mjs");
  return found;
}

/** Starts it. It refuses to run as root: then it runs as `nobody`. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = programs();
  const home = mkdtempSync(join(tmpdir(), "hf-postgres-"));
  const isRoot = process.getuid?.() === 0;
  const id = (flag: string): number => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
  const user = isRoot ? { uid: id("-u"), gid: id("-g") } : {};
  chmodSync(home, 0o755);
  mkdirSync(join(home, "run"));
  writeFileSync(join(home, "password"), "secret\n", { mode: 0o644 });
  if (user.uid !== undefined) for (const path of [home, join(home, "run")]) chownSync(path, user.uid, user.gid);
  const words = ["-D", join(home, "data"), "-U", "ann", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"];
  execFileSync(join(bin, "initdb"), [...words, "--pwfile", join(home, "password")], {
    ...user,
    cwd: home,
    stdio: "ignore",
  });
  const port = await freePort();
  const settings = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "timezone=America/New_York"];
  const child = spawn(
    join(bin, "postgres"),
    ["-D", join(home, "data"), "-p", String(port), "-k", join(home, "run"), ...settings],
    { ...user, cwd: home, stdio: "ignore" },
  );
  const stop = await serving({ name: "PostgreSQL", child, port, home, signal: "SIGINT" });
  const connect = async (database: string): Promise<pg.Client> => {
    const client = new pg.Client({ host: "127.0.0.1", port, user: "ann", password: "secret", database });
    await client.connect();
    return client;
  };
  await readyConnection(connect, "postgres", "create database shop");
  return {
    port,
    url: `postgresql://ann:secret@127.0.0.1:${String(port)}/shop`,
    run: (sql) => readyConnection(connect, "shop", sql),
    stop,
  };
}

/** The port opens a moment before the server takes connections. */
async function readyConnection(
  connect: (database: string) => Promise<pg.Client>,
  database: string,
  sql: string,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      const client = await connect(database);
      await client.query(sql);
      await client.end();
      return;
    } catch (error) {
      // 57P03: it is starting up.
      if ((error as { code?: string }).code !== "57P03" || attempt > 200) throw error;
      await new Promise((done) => setTimeout(done, 25));
    }
  }
}
