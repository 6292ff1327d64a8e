import { createVerify, generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { importUrl } from "../../packages/core/src/api/importUrl.ts";
import { status } from "../../packages/core/src/api/status.ts";
import { update } from "../../packages/core/src/api/update.ts";
import { describeFileSystem } from "../../packages/core/src/fs/fs.contract.ts";
import { openStorage, type OpenedStorage } from "../../packages/core/src/fs/open.ts";
import { startGsServer } from "../support/gsServer.ts";
import { startHttpProxy } from "../support/httpProxy.ts";
import { type JsonServer, startJsonServer } from "../support/jsonServer.ts";
import { makeProject } from "../support/project.ts";
import { describeRemoteProgram } from "../support/remoteProgram.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const anonymous = (endpointurl: string): Record<string, string> => ({ endpointurl, allow_anonymous_login: "true" });
const open = (
  values: Record<string, string>,
  env: Record<string, string> = {},
  url = "gs://bucket",
): Promise<OpenedStorage> => openStorage(url, { values, env, home: "/nonexistent" });

describeFileSystem("GCS", async () => {
  const own = await startGsServer();
  await own.makeBucket("contract");
  const { fs, root } = await open(anonymous(own.endpoint), {}, "gs://contract/some/folder");
  return { fs, folder: root, stop: () => own.stop() };
});

describeRemoteProgram("GCS", async () => {
  const own = await startGsServer();
  await own.makeBucket("data");
  return { url: "gs://data/store", options: anonymous(own.endpoint), stop: () => own.stop() };
});

/** A server that knows ten files and gives three at once, and gives tokens. */
function startPages(): Promise<JsonServer> {
  const names = Array.from({ length: 10 }, (_, i) => `dir/${String(i)}`);
  return startJsonServer(({ path }) => {
    if (path === "/token") return { json: { access_token: "the token", expires_in: 3600 } };
    const { searchParams } = new URL(path, "http://x");
    const from = Number(searchParams.get("pageToken") ?? 0);
    const items = names.slice(from, from + 3).map((name) => ({ name, size: "1", generation: "7" }));
    return { json: { items, ...(from + 3 < names.length ? { nextPageToken: String(from + 3) } : {}) } };
  });
}

const filesOf = async ({ fs, root }: OpenedStorage): Promise<string[]> => {
  const found: string[] = [];
  for await (const { path } of fs.list(root)) found.push(path);
  await fs.close();
  return found;
};

describe("gs://", () => {
  it("lists page after page", async () => {
    const server = await startPages();
    expect(await filesOf(await open(anonymous(server.url)))).toHaveLength(10);
    const tokens = server.asked.map(({ path }) => new URL(path, "http://x").searchParams.get("pageToken"));
    expect(tokens).toEqual([null, "3", "6", "9"]);
    await server.stop();
  });

  it("logs in as a service account with a signed claim, through the proxy of the environment", async () => {
    const server = await startPages();
    const way = await startHttpProxy({ targetPort: server.port });
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const file = join(temporaryFolder("hf-gs-"), "account.json");
    const account = {
      type: "service_account",
      client_email: "robot@example.org",
      private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
      private_key_id: "k1",
      token_uri: "http://tokens.invalid/token",
    };
    writeFileSync(file, JSON.stringify(account));
    const env = { http_proxy: `http://127.0.0.1:${String(way.port)}`, no_proxy: "127.0.0.1" };
    const storage = await open({ endpointurl: server.url, credentialpath: file }, env);
    expect(await storage.fs.access?.()).toMatchObject({ identity: "robot@example.org" });
    expect(await filesOf(storage)).toHaveLength(10);
    expect(way.seen).toEqual(["POST http://tokens.invalid/token"]);
    const [login, ...asked] = server.asked;
    expect(login?.form.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
    const [header = "", claims = "", signature = ""] = login?.form.get("assertion")?.split(".") ?? [];
    const verified = createVerify("RSA-SHA256").update(`${header}.${claims}`).verify(publicKey, signature, "base64url");
    expect(verified).toBe(true);
    const decode = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
    expect(decode(header)).toEqual({ alg: "RS256", typ: "JWT", kid: "k1" });
    const scope = "https://www.googleapis.com/auth/devstorage.full_control";
    expect(decode(claims)).toMatchObject({ iss: "robot@example.org", aud: account.token_uri, scope });
    expect(asked.map(({ headers }) => headers.authorization)).toEqual(Array(4).fill("Bearer the token"));
    for (const one of [way, server]) await one.stop();
  });

  it("imports with ETag and version as DVC does, and sees another version", async () => {
    const server = await startGsServer();
    await server.makeBucket("bucket");
    const project = makeProject();
    const fsConfig = anonymous(server.endpoint);
    const { fs } = await open(fsConfig);
    const put = (text: string): Promise<void> => fs.write("bucket/file", { bytes: Buffer.from(text) });
    await put("hello\n");
    await importUrl(project.open(), "gs://bucket/file", { out: "file", fsConfig });
    const text = (): string => readFileSync(join(project.root, "file.dvc"), "utf8");
    // fake-gcs-server's ETag is the md5; DVC 3.67.1 wrote the same entry.
    const entry =
      /deps:\n- etag: b1946ac92492d2347c6235b4d2611184\n {2}size: 6\n {2}version_id: '(\d+)'\n {2}hash: md5\n/;
    expect(text()).toMatch(entry);
    const changes = async (): Promise<unknown> => {
      const found = await status(project.open(), []);
      return found.kind === "workspace" ? found.status : found;
    };
    expect(await changes()).toEqual({});
    await put("changed\n");
    const state = { "changed deps": { "gs://bucket/file": "update available" } };
    expect(await changes()).toEqual({ "file.dvc": [state] });
    expect((await update(project.open(), ["file.dvc"])).updated).toEqual(["file.dvc"]);
    expect(await changes()).toEqual({});
    await fs.remove("bucket/file");
    expect(await changes()).toEqual({ "file.dvc": [{ "changed deps": { "gs://bucket/file": "deleted" } }] });
    await fs.close();
    project.remove();
    await server.stop();
  });
});
