import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeFileSystem } from "../../packages/core/src/fs/fs.contract.ts";
import { openStorage, type OpenedStorage } from "../../packages/core/src/fs/open.ts";
import { type Ran, Rig } from "../support/rig.ts";
import { OSS_KEYS, type ScriptedOss, startScriptedOss } from "../support/scriptedOss.ts";

const KEYS = { oss_key_id: OSS_KEYS.id, oss_key_secret: OSS_KEYS.secret };
const REGION = { OSS_REGION: "cn-hangzhou" };

// No real server can be had: this one checks signatures and answers as the service's documentation says.
for (const [name, env] of [
  ["OSS, signatures of version 4", REGION],
  ["OSS, signatures of version 1", {}],
] as const) {
  describeFileSystem(name, async () => {
    const own = await startScriptedOss();
    const values = { ...KEYS, oss_endpoint: own.endpoint };
    const { fs, root } = await openStorage("oss://contract/some/folder", { values, env, home: "/nonexistent" });
    return { fs, folder: root, stop: () => own.stop() };
  });
}

let oss: ScriptedOss;
beforeAll(async () => {
  oss = await startScriptedOss();
});
afterAll(() => oss.stop());

type Texts = Record<string, string>;
const open = (url: string, values: Texts = KEYS, env: Texts = REGION): Promise<OpenedStorage> =>
  openStorage(url, { values: { oss_endpoint: oss.endpoint, ...values }, env, home: "/nonexistent" });

describe("oss://", () => {
  it("puts the bucket before the host of the endpoint, and takes the region from it", async () => {
    const values = { ...KEYS, oss_endpoint: "http://oss-cn-hangzhou-internal.aliyuncs.com" };
    // The server stands in as the proxy of the environment.
    const env = { http_proxy: oss.endpoint };
    const { fs } = await open("oss://data", { ...values, oss_endpoint: "http://oss-cn-hangzhou.aliyuncs.com" }, env);
    const name = "data/a +&=%~!'()*/ü";
    await fs.write(name, { bytes: Buffer.from("x") });
    expect((await fs.readBytes(name)).toString()).toBe("x");
    expect(oss.seen.at(-1)).toMatch(/^GET \/data\/a.* OSS4-HMAC-SHA256$/);
    const listed: string[] = [];
    for await (const { path } of fs.list("data")) listed.push(path);
    expect(listed).toEqual([name]);
    const inside = await open("oss://data", values, env);
    expect(await inside.fs.access?.()).toMatchObject({ region: "cn-hangzhou" });
  });

  it("takes keys from the options, else the environment, and reads public buckets without", async () => {
    oss.objects.set("open/file", Buffer.from("for all"));
    const nobody = await open("oss://open", {});
    expect((await nobody.fs.readBytes("open/file")).toString()).toBe("for all");
    await expect(nobody.fs.write("open/x", { bytes: Buffer.from("x") })).rejects.toMatchObject({ code: "auth" });
    const env = { ...REGION, OSS_ACCESS_KEY_ID: OSS_KEYS.id, OSS_ACCESS_KEY_SECRET: OSS_KEYS.secret };
    const known = await open("oss://open", {}, env);
    await known.fs.write("open/x", { bytes: Buffer.from("x") });
    expect(JSON.stringify(await known.fs.access?.())).not.toContain(OSS_KEYS.secret);
    await expect(open("oss://open", { oss_key_id: "only" })).rejects.toThrow("one is missing");
  });

  it("says what is wrong", async () => {
    const failures: [Texts, string, string][] = [
      [{ ...KEYS, oss_key_secret: "guess" }, "data", "does not fit"],
      [{ ...KEYS, oss_key_id: "nobody" }, "data", "not known"],
      [KEYS, "missing", "the bucket 'missing' does not exist"],
    ];
    for (const [values, bucket, text] of failures) {
      const { fs } = await open(`oss://${bucket}`, values);
      const error: unknown = await fs.readBytes(`${bucket}/x`).catch((one: unknown) => one);
      expect(String(error)).toContain(text);
      expect(String(error)).not.toContain("guess");
    }
    const missing = await open("oss://missing");
    await expect(missing.fs.stat("missing/x")).rejects.toMatchObject({ code: "config" });
    const { fs } = await open("oss://data");
    const extra = "<Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint>";
    oss.refusals.push({ status: 403, code: "AccessDenied", extra });
    await expect(fs.readBytes("data/x")).rejects.toMatchObject({
      code: "config",
      hint: expect.stringContaining("oss-cn-beijing") as string,
    });
    const home = "/nonexistent";
    await expect(openStorage("oss://data", { values: KEYS, env: {}, home })).rejects.toThrow("needs the endpoint");
    await expect(open("oss://ba_d/x")).rejects.toMatchObject({ code: "config" });
  });

  it("tries again what passes, and corrects a wrong clock", async () => {
    const { fs } = await open("oss://data");
    oss.refusals.push({ status: 503, code: "ServiceUnavailable" }, { status: 400, code: "InvalidDigest" });
    await fs.write("data/again", { bytes: Buffer.from("again") });
    expect((await fs.readBytes("data/again")).toString()).toBe("again");
    oss.skewMs = 3 * 3600_000;
    expect((await fs.readBytes("data/again")).toString()).toBe("again");
    expect((await fs.access?.())?.clockSkewMs).toBeGreaterThan(3_500_000);
    oss.skewMs = 0;
  });

  it("takes a push, gives a pull, and is a source of imports", async () => {
    const rig = new Rig().project();
    rig.ok("remote", "add", "-d", "ali", "oss://data/store");
    rig.ok("remote", "modify", "ali", "oss_endpoint", oss.endpoint);
    rig.ok("remote", "modify", "--local", "ali", "oss_key_id", OSS_KEYS.id);
    rig.ok("remote", "modify", "--local", "ali", "oss_key_secret", OSS_KEYS.secret);
    rig.write("data/one", "1");
    rig.ok("add", "-q", "data");
    const run = async (...words: string[]): Promise<Ran> => {
      const ran = await rig.runBeside(words, { env: REGION });
      expect(ran.err + ran.out).not.toContain(OSS_KEYS.secret);
      return ran;
    };
    expect((await run("push")).out).toContain("2 files pushed");
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    rmSync(rig.path("data"), { recursive: true });
    expect((await run("pull")).out).toContain("A       data/");
    expect(await run("remote", "test", "ali", "--size", "0")).toMatchObject({ code: 0 });
    expect(await run("gc", "-w", "-c", "-f")).toMatchObject({ code: 0 });
    oss.objects.set("data/in/file", Buffer.from("hello"));
    expect(await run("import-url", "remote://ali/../in/file", "no")).not.toMatchObject({ code: 0 });
    oss.objects.set("data/store/file", Buffer.from("hello"));
    expect(await run("import-url", "remote://ali/file", "got")).toMatchObject({ code: 0 });
    expect(rig.read("got")).toBe("hello");
    expect(rig.read("got.dvc")).toContain("etag: 5D41402ABC4B2A76B9719D911017C592");
    rig.close();
  });
});
