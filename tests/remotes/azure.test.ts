import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getUrl } from "../../packages/core/src/api/getUrl.ts";
import { importUrl } from "../../packages/core/src/api/importUrl.ts";
import { listUrl } from "../../packages/core/src/api/listUrl.ts";
import { update } from "../../packages/core/src/api/update.ts";
import { describeFileSystem } from "../../packages/core/src/fs/fs.contract.ts";
import { type AzureServer, startAzureServer } from "../support/azureServer.ts";
import { startFaultyProxy } from "../support/faultyHttp.ts";
import { makeProject } from "../support/project.ts";
import { describeRemoteProgram } from "../support/remoteProgram.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

describeFileSystem("Azure", async () => {
  const own = await startAzureServer();
  await own.makeContainer("contract");
  const { fs, root } = await own.open("azure://contract/some/folder");
  return { fs, folder: root, stop: () => own.stop() };
});

describeRemoteProgram("Azure", async () => {
  const own = await startAzureServer();
  await own.makeContainer("data");
  const options = { connection_string: own.connection() };
  return { url: "azure://data/store", options, secret: own.key, stop: () => own.stop() };
});

let server: AzureServer;
beforeAll(async () => {
  server = await startAzureServer();
  await server.makeContainer("con");
});
afterAll(() => server.stop());

const put = async (path: string, text: string, values?: Record<string, string>): Promise<void> => {
  const { fs } = await server.open("azure://con", values);
  await fs.write(`con/${path}`, { bytes: Buffer.from(text) });
  await fs.close();
};
const failureOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);
const withSas = (endpoint: string): Record<string, string> => ({
  connection_string: `BlobEndpoint=${endpoint}/${server.account};SharedAccessSignature=${server.sas()}`,
});

describe("azure://", () => {
  it("lists page after page, by a SAS token", async () => {
    const names = Array.from({ length: 10 }, (_, i) => `pages/${String(i)}/f`);
    for (const name of names) await put(name, "x");
    const direct = `http://127.0.0.1:${String(server.port)}`;
    const proxy = await startFaultyProxy(direct, () => "pass", {
      rewrite: (path) => path.replace("maxresults=5000", "maxresults=3"),
    });
    const { fs } = await server.open("azure://con", withSas(proxy.endpoint));
    const found: string[] = [];
    for await (const { path } of fs.list("con/pages")) found.push(path);
    expect(found).toEqual(names.map((name) => `con/${name}`));
    expect(proxy.seen.filter((line) => line.includes("comp=list"))).toHaveLength(4);
    const folders: string[] = [];
    for await (const { path, type } of fs.children("con/pages")) folders.push(`${type} ${path}`);
    expect(folders).toEqual(names.map((_, i) => `folder con/pages/${String(i)}`));
    await fs.close();
    await proxy.stop();
  });

  it("sends again only the blocks that an interrupted upload did not leave, in the order of the file", async () => {
    const file = join(temporaryFolder("hf-blocks-"), "file");
    const bytes = randomBytes(41 << 20);
    writeFileSync(file, bytes);
    let allowed = 3;
    const isBlock = (path: string): boolean => path.includes("comp=block&");
    const proxy = await startFaultyProxy(`http://127.0.0.1:${String(server.port)}`, ({ method, path }) =>
      method === "PUT" && isBlock(path) && allowed-- <= 0 ? { status: 403, error: "AuthorizationFailure" } : "pass",
    );
    const values = { connection_string: server.connection(`${proxy.endpoint}/${server.account}`) };
    const { fs } = await server.open("azure://con", values);
    const write = (): Promise<void> => fs.write("con/resumed", { file, size: bytes.length });
    await expect(write()).rejects.toMatchObject({ code: "auth" });
    expect(await fs.stat("con/resumed")).toBeUndefined();
    const before = proxy.seen.length;
    allowed = Infinity;
    await write();
    expect(proxy.seen.slice(before).filter(isBlock)).toHaveLength(3);
    const back = `${file}-back`;
    await fs.download("con/resumed", back);
    expect(readFileSync(back).equals(bytes)).toBe(true);
    await fs.close();
    await proxy.stop();
  });

  it("says what is wrong with a key, a token, a container and an account, and never what the secret is", async () => {
    const wrong = server.connection().replace(server.key, Buffer.from("another").toString("base64"));
    const cases: [Record<string, string>, string, object][] = [
      [{ connection_string: wrong }, "azure://con", { code: "auth" }],
      [{ connection_string: server.connection() }, "azure://nowhere", { code: "config" }],
      [{ connection_string: wrong.replace(/AccountKey=[^;]*;/, "") }, "azure://con", { code: "auth" }],
    ];
    for (const [values, url, expected] of cases) {
      const { fs, root } = await server.open(url, values);
      const error = await failureOf(fs.readBytes(`${root}/x`));
      expect(error).toMatchObject(expected);
      expect(await failureOf(fs.stat(`${root}/x`))).toMatchObject(expected);
      expect(JSON.stringify(error) + String(error)).not.toContain("YW5vdGhlcg");
      await fs.close();
    }
    const unusable: [Record<string, string>, string][] = [
      [{}, "requires either account_name or connection_string"],
      [{ account_name: "evil.example/", account_key: "c2VjcmV0" }, "is no name of an Azure storage account"],
      [{ account_name: "a", account_key: "no base64!" }, "not valid base64"],
      [{ connection_string: "AccountKey=c2VjcmV0" }, "names neither"],
    ];
    for (const [values, text] of unusable) await expect(server.open("azure://con", values)).rejects.toThrow(text);
  });

  it("sees the marks of folders, as Data Lake accounts have them, as folders", async () => {
    const { fs } = await server.open("azure://con");
    await server.putMark("con/lake");
    await put("lake/file", "x");
    expect(await fs.stat("con/lake")).toMatchObject({ type: "folder" });
    const found: string[] = [];
    for await (const { path } of fs.list("con")) if (path.startsWith("con/lake")) found.push(path);
    for await (const { path, type } of fs.children("con")) if (path === "con/lake") found.push(type);
    expect(found).toEqual(["con/lake/file", "folder"]);
    await fs.close();
  });

  it("lists, downloads and imports: the ETag in its quotes, as DVC records it", async () => {
    const project = makeProject();
    const fsConfig = { connection_string: server.connection() };
    await put("dir/a", "a1\n");
    await put("dir/sub/b", "b1\n");
    expect(await listUrl(project.environment(), "azure://con/dir", { fsConfig })).toEqual([
      { path: "a", isdir: false, size: 3 },
      { path: "sub", isdir: true, size: null },
    ]);
    await getUrl(project.environment(), "azure://con/dir", "all", { fsConfig });
    await importUrl(project.open(), "azure://con/dir/a", { out: "a", fsConfig });
    await importUrl(project.open(), "azure://con/dir", { out: "data", fsConfig });
    const read = (name: string): string => readFileSync(join(project.root, name), "utf8");
    expect([read("all/sub/b"), read("a"), read("data/a")]).toEqual(["b1\n", "a1\n", "a1\n"]);
    expect(read("a.dvc")).toMatch(/deps:\n- etag: '"0x[0-9A-F]+"'\n {2}size: 3\n {2}hash: md5\n/);
    expect(read("data.dvc")).toMatch(/deps:\n- md5: [0-9a-f]{32}\.dir\n {2}size: 6\n {2}nfiles: 2\n {2}hash: md5\n/);
    expect((await update(project.open(), ["a.dvc"])).unchanged).toEqual(["a.dvc"]);
    await put("dir/a", "a22\n");
    expect((await update(project.open(), ["a.dvc", "data.dvc"])).updated).toEqual(["a.dvc", "data.dvc"]);
    expect([read("a"), read("data/a")]).toEqual(["a22\n", "a22\n"]);
    project.remove();
  });
});
