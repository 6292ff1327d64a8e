import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CorruptObjectError } from "../../packages/core/src/base/errors.ts";
import { openStorage, type OpenedStorage } from "../../packages/core/src/fs/open.ts";
import { startNginx, type WebServer } from "../support/nginx.ts";
import { Rig } from "../support/rig.ts";

let server: WebServer;
let scratch: string;
beforeAll(async () => {
  server = await startNginx();
  scratch = mkdtempSync(join(tmpdir(), "hf-http-"));
});
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await server.stop();
});

const origin = (): string => `http://127.0.0.1:${String(server.port)}`;
const open = (path: string, values: Record<string, string> = {}): Promise<OpenedStorage> =>
  openStorage(path.startsWith("http") ? path : origin() + path, { values, env: {}, home: "/nonexistent" });
const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

/** A server of our own, for what nginx does not do. */
async function fake(answer: Parameters<typeof createServer>[1]): Promise<{ url: string; server: Server }> {
  const made = createServer(answer);
  await new Promise<void>((done) => {
    made.listen(0, "127.0.0.1", () => {
      done();
    });
  });
  return { url: `http://127.0.0.1:${String((made.address() as AddressInfo).port)}`, server: made };
}

describe("http://", () => {
  it("gives back what was put there, also under unusual names, small and large", async () => {
    const { fs, root } = await open("/up/a", { method: "PUT" });
    for (const name of ["plain", "a b+ü.txt", "%41&'#?.bin", "deep/er"]) {
      await fs.write(`${root}/${name}`, { bytes: Buffer.from(name) }, { md5: md5(Buffer.from(name)) });
      expect((await fs.readBytes(`${root}/${name}`)).toString()).toBe(name);
      expect(await fs.stat(`${root}/${name}`)).toMatchObject({ size: Buffer.byteLength(name), type: "file" });
    }
    const large = randomBytes(40 << 20);
    const file = join(scratch, "large");
    writeFileSync(file, large);
    let sent = 0;
    await fs.write(`${root}/large`, { file, size: large.length }, { md5: md5(large), onBytes: (n) => (sent += n) });
    expect(sent).toBe(large.length);
    const back = join(scratch, "back");
    expect(await fs.download(`${root}/large`, back)).toEqual({ md5: md5(large), size: large.length });
    expect(readFileSync(back).equals(large)).toBe(true);
    await fs.close();
  });

  it("sends nothing that is not what it should be", async () => {
    const { fs, root } = await open("/up/wrong", { method: "PUT" });
    const file = join(scratch, "wrong");
    writeFileSync(file, randomBytes(40 << 20));
    const wrong = { md5: "0".repeat(32) };
    await expect(fs.write(`${root}/x`, { bytes: Buffer.from("x") }, wrong)).rejects.toBeInstanceOf(CorruptObjectError);
    await expect(fs.write(`${root}/y`, { file, size: 40 << 20 }, wrong)).rejects.toBeInstanceOf(CorruptObjectError);
    expect(existsSync(join(server.folder, "up", "wrong"))).toBe(false);
  });

  it("answers absence with undefined, reads ranges, follows redirects, and does without HEAD", async () => {
    writeFileSync(join(server.folder, "up", "digits"), "0123456789");
    const { fs } = await open("/up");
    expect(await fs.stat("/up/none")).toBeUndefined();
    await expect(fs.readBytes("/up/none")).rejects.toMatchObject({ code: "not-found" });
    await expect(fs.download("/up/none", join(scratch, "none"))).rejects.toMatchObject({ code: "not-found" });
    expect((await fs.readBytes("/up/digits", { start: 2, end: 5 })).toString()).toBe("234");
    expect((await fs.readBytes("/moved/digits")).toString()).toBe("0123456789");
    expect(await fs.download("/moved/digits", join(scratch, "moved"))).toMatchObject({ size: 10 });
    await expect(fs.readBytes("/round/x")).rejects.toThrow("redirects without end");
    expect(await fs.stat("/nohead/up/digits")).toMatchObject({ size: 10 });
  });

  it("logs in, and tells who may not", async () => {
    writeFileSync(join(server.folder, "private", "file"), "private");
    const { fs } = await open("/private", { auth: "basic", user: "ann", password: "secret" });
    expect((await fs.readBytes("/private/file")).toString()).toBe("private");
    const wrong = await open("/private", { auth: "basic", user: "ann", password: "guess" });
    const error: unknown = await wrong.fs.readBytes("/private/file").catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: "auth" });
    expect(String(error)).not.toContain("guess");
    await expect(open("/private", { auth: "basic", user: "ann" })).rejects.toThrow(
      "require both 'user' and 'password'",
    );
    await expect(open("/private", { auth: "digest" })).rejects.toThrow("not supported");
  });

  it("keeps what authorises from the server that it is redirected to", async () => {
    const seen: (string | undefined)[] = [];
    const other = await fake((request, answer) => {
      seen.push(request.headers["x-token"] as string | undefined);
      answer.end("there");
    });
    const first = await fake((request, answer) => {
      seen.push(request.headers["x-token"] as string | undefined);
      answer.writeHead(302, { location: `${other.url}/x` }).end();
    });
    const { fs } = await open(first.url, { auth: "custom", custom_auth_header: "X-Token", password: "pw" });
    expect((await fs.readBytes("/x")).toString()).toBe("there");
    expect(seen).toEqual(["pw", undefined]);
    await fs.close();
    other.server.close();
    first.server.close();
  });

  it("tries again after a failure that passes, and never takes a short body for the whole", async () => {
    let calls = 0;
    const flaky = await fake((_request, answer) => {
      calls++;
      if (calls === 1) answer.writeHead(503).end();
      else if (calls === 2) {
        answer.writeHead(200, { "content-length": "10" });
        answer.write("01234");
        setTimeout(() => answer.destroy(), 20);
      } else answer.writeHead(200, { "content-length": "10" }).end("0123456789");
    });
    const { fs } = await open(flaky.url);
    expect(await fs.download("/x", join(scratch, "flaky"))).toEqual({ md5: md5(Buffer.from("0123456789")), size: 10 });
    expect(calls).toBe(3);
    await fs.close();
    flaky.server.close();
  });
});

describe("a remote on http://", () => {
  it("takes a push by PUT, gives a pull, and knows what is missing", () => {
    const rig = new Rig().project();
    rig.ok("remote", "add", "-d", "web", `${origin()}/up/store`);
    rig.ok("remote", "modify", "web", "method", "PUT");
    for (const name of ["one", "two"]) rig.write(`data/${name}`, name);
    rig.ok("add", "-q", "data");
    expect(rig.run(["status", "-c"]).out).toContain("new:");
    expect(rig.ok("push")).toContain("3 files pushed");
    expect(rig.ok("push")).toContain("Everything is up to date");
    expect(rig.run(["gc", "-w", "-c", "-f"])).toMatchObject({
      code: 255,
      err: expect.stringContaining("can't be cleaned") as unknown,
    });
    rmSync(rig.path("data"), { recursive: true });
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    expect(rig.ok("pull")).toContain("A       data/");
    expect(rig.read("data/two")).toBe("two");
    rig.close();
  });

  it("brings what is there from a store that answers 403 to what is not, as buckets do that nobody may list", async () => {
    const rig = new Rig().project();
    rig.ok("remote", "add", "-d", "local", "store");
    for (const name of ["one", "two"]) rig.write(name, name);
    rig.ok("add", "-q", "one", "two");
    rig.ok("push", "-q");
    const store = await fake((request, answer) => {
      const file = rig.path(`store${request.url ?? ""}`);
      if (request.method !== "PUT" && existsSync(file)) answer.end(readFileSync(file));
      else answer.writeHead(403).end();
    });
    rig.ok("remote", "add", "-d", "-f", "local", store.url);
    rmSync(rig.path(`store/files/md5/${md5(Buffer.from("two")).replace(/^../, "$&/")}`));
    expect((await rig.runBeside(["status", "-c"])).out).toMatch(/^\tnew: +two$/m);
    for (const gone of ["one", "two", ".dvc/cache"]) rmSync(rig.path(gone), { recursive: true });
    const pulled = await rig.runBeside(["pull"]);
    expect(pulled).toMatchObject({ code: 1, err: expect.stringContaining("Missing cache files") as unknown });
    expect([rig.read("one"), rig.read("two")]).toEqual(["one", undefined]);
    const got = await rig.runBeside(["get-url", `${store.url}/none`]);
    expect(got).toMatchObject({ code: 1, err: expect.stringContaining("does not exist") as unknown });
    rig.write("two", "two");
    rig.ok("add", "-q", "two");
    const pushed = await rig.runBeside(["push"]);
    expect(pushed).toMatchObject({ code: 251, err: expect.stringContaining("HTTP 403") as unknown });
    store.server.close();
    rig.close();
  });

  it("is a source of imports, with the server's ETag", () => {
    const rig = new Rig().project();
    mkdirSync(join(server.folder, "in"), { recursive: true });
    writeFileSync(join(server.folder, "in", "file.txt"), "hello");
    rig.ok("import-url", `${origin()}/in/file.txt`, "got.txt");
    expect(rig.read("got.txt")).toBe("hello");
    expect(rig.read("got.txt.dvc")).toMatch(/^- checksum: '?"/m);
    expect(rig.ok("update", "got.txt.dvc")).toContain("didn't change");
    expect(rig.ok("list-url", `${origin()}/in/file.txt`).trim()).toBe(`${origin()}/in/file.txt`);
    writeFileSync(join(server.folder, "in", "ü ä.txt"), "hello");
    rig.ok("remote", "add", "web", `${origin()}/in`);
    expect(rig.ok("list-url", "remote://web/ü ä.txt").trim()).toBe(`${origin()}/in/ü ä.txt`);
    rig.ok("import-url", "--no-download", `${origin()}/in/file.txt`, "noted.txt");
    expect(rig.run(["checkout", "noted.txt.dvc"])).toMatchObject({ code: 255 });
    rig.ok("pull", "noted.txt");
    expect(rig.read("noted.txt")).toBe("hello");
    rig.ok("get-url", `${origin()}/in/file.txt`, "copy.txt");
    expect(rig.read("copy.txt")).toBe("hello");
    rig.close();
  });

  it("is a source also where no length is told, and what breaks off or is shorter than told becomes no file", async () => {
    let isBroken = false;
    const made = await fake(({ url, method }, answer) => {
      const told = url === "/told" ? { "content-length": "12000" } : {};
      answer.writeHead(200, { etag: '"a"', ...(method === "HEAD" || isBroken ? told : {}) });
      if (method === "HEAD") answer.end();
      // In chunks; those of a broken answer have no end, or fewer bytes than HEAD told.
      else if (!isBroken) answer.end(Buffer.alloc(12_000, "x"));
      else answer.write(Buffer.alloc(500, "x"), () => answer.destroy());
    });
    const rig = new Rig().project();
    expect(await rig.runBeside(["import-url", "-q", `${made.url}/f`, "f"])).toMatchObject({ code: 0 });
    expect(await rig.runBeside(["get-url", "-q", `${made.url}/f`, "copy"])).toMatchObject({ code: 0 });
    expect([rig.read("f"), rig.read("copy")].map((text) => text?.length)).toEqual([12_000, 12_000]);
    // As DVC 3.67.1 records it.
    expect(rig.read("f.dvc")).toMatch(/^deps:\n- checksum: '"a"'\n  hash: md5\n  path/m);
    isBroken = true;
    for (const name of ["f", "told"])
      for (const verb of ["import-url", "get-url"]) {
        const { code, err } = await rig.runBeside([verb, `${made.url}/${name}`, "none"]);
        expect(code).not.toBe(0);
        expect(err).toMatch(/cut|broke|instead of 12000/);
        expect(existsSync(rig.path("none"))).toBe(false);
        expect(existsSync(rig.path("none.dvc"))).toBe(false);
      }
    rig.close();
    made.server.closeAllConnections();
    made.server.close();
  });
});
