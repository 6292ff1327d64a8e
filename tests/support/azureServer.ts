import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type OpenedStorage, openStorage } from "../../packages/core/src/fs/open.ts";
import { sharedKey } from "../../packages/core/src/fs/azureSign.ts";
import { freePort } from "./ports.ts";
import { serving } from "./serverProcess.ts";
import { CERT_FILE, KEY_FILE } from "./tlsFiles.ts";

/** A real Azurite on a loopback port, with its own folder. */
export interface AzureServer {
  readonly port: number;
  readonly account: string;
  /** The well-known key of the emulator's account. */
  readonly key: string;
  /** What opens it; `endpoint`: another way to it, such as a proxy. */
  connection(endpoint?: string): string;
  makeContainer(name: string): Promise<void>;
  /** Makes the mark of a folder (`container/folder`). */
  putMark(path: string): Promise<void>;
  /** A token for everything in the account. */
  sas(): string;
  open(url: string, values?: Record<string, string>): Promise<OpenedStorage>;
  stop(): Promise<void>;
}

/** The emulator's own account: no secret. */
const ACCOUNT = "devstoreaccount1";
const KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const VERSION = "2021-12-02";

/** Starts Azurite. Its absence fails: tests of Azure are not skipped. `secure`: HTTPS, and log-ins by tokens. */
export async function startAzureServer({ secure = false } = {}): Promise<AzureServer> {
  const program = findServer();
  const home = mkdtempSync(join(tmpdir(), "hf-azure-"));
  const port = await freePort();
  const place = ["--location", home, "--blobHost", "127.0.0.1", "--blobPort", String(port)];
  const tls = secure ? ["--cert", CERT_FILE, "--key", KEY_FILE, "--oauth", "basic"] : [];
  const words = [program, ...place, ...tls, "--silent", "--skipApiVersionCheck", "--disableTelemetry"];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "pipe"] });
  const stop = await serving({ name: "azurite", child, port, home, signal: "SIGKILL" });
  const direct = `${secure ? "https" : "http"}://127.0.0.1:${String(port)}/${ACCOUNT}`;
  const connection = (endpoint = direct): string =>
    `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${KEY};BlobEndpoint=${endpoint};`;
  return {
    port,
    account: ACCOUNT,
    key: KEY,
    connection,
    makeContainer: (name) => make(`${direct}/${name}?restype=container`),
    putMark: (path) => make(`${direct}/${path}`, { "x-ms-blob-type": "BlockBlob", "x-ms-meta-hdi_isfolder": "true" }),
    sas: accountSas,
    open: (url, values = { connection_string: connection() }) =>
      openStorage(url, { values, env: {}, home: "/nonexistent" }),
    stop,
  };
}

function make(url: string, more: Record<string, string> = {}): Promise<void> {
  const { pathname, search, protocol } = new URL(url);
  const path = pathname + search;
  const signed = { ...more, "x-ms-version": VERSION, "x-ms-date": new Date().toUTCString() };
  const authorization = sharedKey(ACCOUNT, Buffer.from(KEY, "base64"), {
    method: "PUT",
    path,
    length: 0,
    headers: signed,
  });
  const headers = { ...signed, authorization, "content-length": 0 };
  return new Promise((resolve, reject) => {
    const options = { method: "PUT", headers, rejectUnauthorized: false, agent: false };
    const sent = (protocol === "https:" ? httpsRequest : httpRequest)(url, options, (answer) => {
      answer.resume();
      if (answer.statusCode === 201) resolve();
      else reject(new Error(`not made: HTTP ${String(answer.statusCode)}`));
    });
    sent.once("error", reject);
    sent.end();
  });
}

function accountSas(): string {
  const expiry = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, "");
  const fields = { sp: "rwdlac", ss: "b", srt: "co", st: "", se: expiry, sip: "", spr: "", sv: VERSION, ses: "" };
  const text = [ACCOUNT, ...Object.values(fields), ""].join("\n");
  const sig = createHmac("sha256", Buffer.from(KEY, "base64")).update(text).digest("base64");
  const given = Object.entries({ ...fields, sig }).filter(([, value]) => value !== "");
  return new URLSearchParams(given).toString();
}

function findServer(): string {
  const own = join(import.meta.dirname, "..", "..", ".cache", "azurite", "node_modules", ".bin");
  const folders = [own, ...(process.env["PATH"] ?? "").split(delimiter)];
  const found = folders.map((folder) => join(folder, "azurite-blob")).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error("the tests of Azure need Azurite: run `node scripts/setup-test-servers.mjs`");
}
