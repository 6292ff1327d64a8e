import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "./ports.ts";
import { serving } from "./serverProcess.ts";

/** A real fake-gcs-server on a loopback port, with its own folder. It takes any credentials. */
export interface GsServer {
  readonly endpoint: string;
  /** The folder whose folders are the buckets. */
  readonly folder: string;
  /** Makes a bucket, by default one that keeps versions when the server was started for that. */
  makeBucket(name: string, options?: { readonly versions?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts fake-gcs-server. Its absence fails: tests of GCS are not skipped. `versions`: its buckets keep versions; then all is in
 * its memory.
 */
export async function startGsServer({ versions = false } = {}): Promise<GsServer> {
  const program = findServer();
  const home = mkdtempSync(join(tmpdir(), "hf-gs-"));
  const folder = join(home, "data");
  mkdirSync(folder);
  const port = await freePort();
  const address = `127.0.0.1:${String(port)}`;
  const endpoint = `http://${address}`;
  const backend = versions ? ["-backend", "memory"] : ["-backend", "filesystem", "-filesystem-root", folder];
  const place = ["-scheme", "http", "-host", "127.0.0.1", "-port", String(port)];
  const names = ["-public-host", address, "-external-url", endpoint, "-log-level", "error"];
  const child = spawn(program, [...place, ...backend, ...names], { stdio: ["ignore", "ignore", "pipe"] });
  const stop = await serving({ name: "fake-gcs-server", child, port, home });
  return {
    endpoint,
    folder,
    makeBucket: async (name, { versions: enabled = versions } = {}) => {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(`${endpoint}/storage/v1/b?project=test`, {
        method: "POST",
        headers,
        body: JSON.stringify({ name, versioning: { enabled } }),
      });
      if (!answer.ok) throw new Error(`no bucket: ${await answer.text()}`);
    },
    stop,
  };
}

function findServer(): string {
  const name = "fake-gcs-server";
  const cache = join(import.meta.dirname, "..", "..", ".cache", "bin");
  const goPath = join(process.env["GOPATH"] ?? join(homedir(), "go"), "bin");
  const folders = [cache, goPath, ...(process.env["PATH"] ?? "").split(delimiter)].filter((one) => one !== "");
  const found = folders.map((one) => join(one, name)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error("the tests of GCS need fake-gcs-server: run `node scripts/setup-test-servers.mjs` (needs Go)");
}
