import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeFileSystem } from "../../packages/core/src/fs/fs.contract.ts";
import { openStorage, type OpenedStorage } from "../../packages/core/src/fs/open.ts";
import { type Ran, Rig } from "../support/rig.ts";
import { type ScriptedNameNode, startScriptedNameNode } from "../support/scriptedWebHdfs.ts";

const scratch = mkdtempSync(join(tmpdir(), "hf-hdfs-"));
let node: ScriptedNameNode;
let other: ScriptedNameNode;
beforeAll(async () => {
  node = await startScriptedNameNode();
  other = await startScriptedNameNode();
});
afterAll(async () => {
  await node.stop();
  await other.stop();
  rmSync(scratch, { recursive: true });
});

/** Hadoop's files with these settings; the folder of them. */
function settings(name: string, values: Record<string, string>): string {
  const properties = Object.entries(values).map(
    ([key, value]) => `<property><name>${key}</name><value>${value}</value></property>`,
  );
  const folder = mkdtempSync(join(scratch, `${name}-`));
  writeFileSync(
    join(folder, "hdfs-site.xml"),
    `<?xml version="1.0"?><configuration><!-- <property><name>dfs.http.policy</name><value>HTTPS_ONLY</value></property> -->${properties.join("\n")}</configuration>`,
  );
  return folder;
}

const open = (url: string, conf: string, env: Record<string, string> = {}): Promise<OpenedStorage> =>
  openStorage(url, { values: {}, env: { HADOOP_CONF_DIR: conf, ...env }, home: "/nonexistent" });
const http = (one: ScriptedNameNode): string => `127.0.0.1:${String(one.port)}`;

describeFileSystem("HDFS", async () => {
  const own = await startScriptedNameNode();
  const conf = settings("contract", { "dfs.namenode.http-address": `0.0.0.0:${String(own.port)}` });
  const { fs, root } = await open("hdfs://127.0.0.1:8020/some/folder", conf);
  return { fs, folder: root, stop: () => own.stop() };
});

describe("hdfs://", () => {
  it("asks as the user of the option, the URL, Hadoop's variable, or this machine", async () => {
    const conf = settings("user", { "dfs.namenode.http-address": http(node) });
    node.users.clear();
    await open("hdfs://ann@127.0.0.1/x", conf, { HADOOP_USER_NAME: "bob", USER: "me" });
    await open("hdfs://127.0.0.1/x", conf, { HADOOP_USER_NAME: "bob", USER: "me" });
    await open("hdfs://127.0.0.1/x", conf, { USER: "me" });
    expect([...node.users]).toEqual(["ann", "bob", "me"]);
  });

  it("finds the active NameNode of a name service, and the one that an RPC address names", async () => {
    const conf = settings("service", {
      "fs.defaultFS": "hdfs://cluster",
      "dfs.nameservices": "cluster,elsewhere",
      "dfs.ha.namenodes.cluster": "nn1, nn2",
      "dfs.namenode.http-address.cluster.nn1": http(node),
      "dfs.namenode.http-address.cluster.nn2": http(other),
      "dfs.namenode.rpc-address.cluster.nn2": "second:8020",
    });
    node.standby = true;
    const { fs, root } = await open("hdfs://cluster/data", conf);
    await fs.write(`${root}/one`, { bytes: Buffer.from("1") });
    expect([...other.files.keys()]).toEqual(["/data/one"]);
    expect(fs.url("/data/one")).toBe("hdfs://cluster/data/one");
    const usual = await open("hdfs:///data", conf);
    const info = await usual.fs.stat("/data/one");
    expect(info?.size).toBe(1);
    expect(info && (await usual.fs.checksum?.(info))).toBe("ab".repeat(28));
    node.standby = false;
    expect(await (await open("hdfs://second:8020/data", conf)).fs.stat("/data/one")).toMatchObject({ size: 1 });
    other.standby = node.standby = true;
    await expect(open("hdfs://cluster/data", conf)).rejects.toThrow(http(other));
    other.standby = node.standby = false;
  });

  it("says what to do where no WebHDFS answers, and that there is no Kerberos", async () => {
    const nobody = settings("nobody", { "dfs.namenode.http-address": "127.0.0.1:1" });
    await expect(open("hdfs://127.0.0.1:8020/x", nobody)).rejects.toMatchObject({
      code: "config",
      hint: expect.stringContaining("webhdfs://HOST:PORT/PATH") as string,
    });
    const kerberos = { values: { kerb_ticket: "/tmp/ticket" }, env: {}, home: "/" };
    await expect(openStorage("hdfs://127.0.0.1/x", kerberos)).rejects.toMatchObject({ code: "unsupported" });
    await expect(openStorage("hdfs:///x", { values: {}, env: {}, home: "/" })).rejects.toThrow("names no host");
  });

  it("replaces a file behind a gateway that replaces none, and leaves nothing beside it", async () => {
    const conf = settings("gateway", { "dfs.namenode.http-address": http(node) });
    const { fs } = await open("hdfs://127.0.0.1:8020/gateway", conf);
    for (const text of ["first", "second"]) await fs.write("/gateway/one", { bytes: Buffer.from(text) });
    expect((await fs.readBytes("/gateway/one")).toString()).toBe("second");
    expect([...node.files.keys()].filter((name) => name.startsWith("/gateway/"))).toEqual(["/gateway/one"]);
  });

  it("takes a push and gives a pull", async () => {
    const rig = new Rig().project();
    const conf = settings("rig", { "dfs.namenode.http-address": http(node) });
    rig.ok("remote", "add", "-d", "big", "hdfs://127.0.0.1:8020/store");
    rig.write("one", "1");
    rig.ok("add", "-q", "one");
    const run = (word: string): Promise<Ran> => rig.runBeside([word], { env: { HADOOP_CONF_DIR: conf } });
    expect(await run("push")).toMatchObject({ code: 0 });
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    rmSync(rig.path("one"));
    expect(await run("pull")).toMatchObject({ code: 0 });
    expect(rig.read("one")).toBe("1");
    rig.close();
  });
});
