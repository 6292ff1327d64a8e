import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { FileSystem } from "../../packages/core/src/fs/filesystem.ts";
import { openStorage } from "../../packages/core/src/fs/open.ts";
import { startHttpProxy, type HttpProxy, type HttpProxyOptions } from "../support/httpProxy.ts";
import { startS3Server, type S3Server } from "../support/s3Server.ts";
import { CERT_FILE } from "../support/tlsFiles.ts";

const servers: Partial<Record<"http" | "https", S3Server>> = {};
let folder: string;
let proxy: HttpProxy | undefined;
let opened: FileSystem | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hf-proxy-"));
  for (const scheme of ["http", "https"] as const) {
    const server = await startS3Server({ secure: scheme === "https" });
    server.makeBucket("bucket");
    servers[scheme] = server;
  }
});
afterAll(async () => {
  await servers.http?.stop();
  await servers.https?.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  await opened?.close();
  await proxy?.stop();
  proxy = undefined;
});

async function startProxy(scheme: "http" | "https", more: Partial<HttpProxyOptions> = {}): Promise<HttpProxy> {
  proxy = await startHttpProxy({ targetPort: Number(new URL(serverOf(scheme).endpoint).port), ...more });
  return proxy;
}

function serverOf(scheme: "http" | "https"): S3Server {
  return servers[scheme] as S3Server;
}

async function open(endpointurl: string, env: Record<string, string>): Promise<FileSystem> {
  const { accessKeyId, secretAccessKey } = serverOf("http");
  const keys = { access_key_id: accessKeyId, secret_access_key: secretAccessKey };
  const values = { endpointurl, ssl_verify: CERT_FILE, ...keys };
  const more = { AWS_MAX_ATTEMPTS: "1", ...env };
  ({ fs: opened } = await openStorage("s3://bucket", { values, env: more, home: "/nonexistent" }));
  return opened;
}

const md5 = (bytes: Buffer): string => createHash("md5").update(bytes).digest("hex");

/** Small and large objects there and back, by every way that requests take. */
async function thereAndBack(fs: FileSystem): Promise<void> {
  const large = Buffer.alloc((40 << 20) + 1, "a large object ");
  const file = join(folder, "large");
  writeFileSync(file, large);
  await fs.write("bucket/a b/small", { bytes: Buffer.from("small") });
  await fs.write("bucket/large", { file, size: large.length });
  expect((await fs.readBytes("bucket/a b/small")).toString()).toBe("small");
  const to = join(folder, "back");
  expect(await fs.download("bucket/large", to)).toEqual({ md5: md5(large), size: large.length });
  rmSync(to);
  const chunks: Buffer[] = [];
  for await (const chunk of await fs.read("bucket/large", { start: 5, end: 20 })) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks)).toEqual(large.subarray(5, 20));
  const names: string[] = [];
  for await (const { path } of fs.list("bucket")) names.push(path);
  expect(names).toEqual(["bucket/a b/small", "bucket/large"]);
}

// The name can be looked up by nobody but the proxy.
describe.each([
  { scheme: "http", host: "storage.invalid:8080", secure: false },
  { scheme: "http", host: "storage.invalid", secure: true },
  { scheme: "https", host: "storage.invalid", secure: false },
  { scheme: "https", host: "storage.invalid:8443", secure: true },
] as const)("$scheme://$host behind a proxy (itself over TLS: $secure)", ({ scheme, host, secure }) => {
  const variable = scheme === "http" ? "HTTP_PROXY" : "https_proxy";
  const proxyUrl = (port: number, user = ""): string =>
    `${secure ? "https" : "http"}://${user}localhost:${String(port)}`;

  it("is used through it", async () => {
    const { port, seen } = await startProxy(scheme, { secure });
    await thereAndBack(await open(`${scheme}://${host}`, { [variable]: proxyUrl(port) }));
    if (scheme === "http") expect(seen).toContain(`GET http://${host}/bucket/a%20b/small`);
    else expect(new Set(seen)).toEqual(new Set([`CONNECT ${host.includes(":") ? host : `${host}:443`}`]));
  });

  it("is used with the user and password of the proxy's URL; without them the proxy is blamed", async () => {
    const { port } = await startProxy(scheme, { secure, credentials: "me:p@ss" });
    const fs = await open(`${scheme}://${host}`, { [variable]: proxyUrl(port, "me:p%40ss@") });
    expect(await fs.stat("bucket/none")).toBeUndefined();
    await fs.close();
    const refused = (await open(`${scheme}://${host}`, { [variable]: proxyUrl(port) })).stat("bucket/none");
    await expect(refused).rejects.toMatchObject({ code: "auth" });
    await expect(refused).rejects.toThrow("the proxy refused the way to");
  });
});

it.each(["http", "https"] as const)("a host that no_proxy names is asked directly: %s", async (scheme) => {
  const { port, seen } = await startProxy(scheme);
  const env = { [`${scheme}_proxy`]: `http://localhost:${String(port)}`, NO_PROXY: "example.com, 127.0.0.1" };
  const fs = await open(serverOf(scheme).endpoint, env);
  expect(await fs.stat("bucket/none")).toBeUndefined();
  expect(seen).toEqual([]);
});

it.each(["http", "https"] as const)("a proxy that is not there is named: %s", async (scheme) => {
  const fs = await open(`${scheme}://storage.invalid`, { [`${scheme}_proxy`]: "http://127.0.0.1:1" });
  await expect(fs.stat("bucket/none")).rejects.toThrow("no answer from the proxy 127.0.0.1:1: nothing listens there");
});
