import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer, request as httpRequest, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeFileSystem } from "../../packages/core/src/fs/fs.contract.ts";
import { openStorage, type OpenedStorage } from "../../packages/core/src/fs/open.ts";
import { type DavServer, startApache } from "../support/apache.ts";
import { BINARY, Rig } from "../support/rig.ts";
import { onTerminal, type TerminalRun } from "../support/terminal.ts";
import { CERT_FILE, KEY_FILE } from "../support/tlsFiles.ts";

describeFileSystem("WebDAV", async () => {
  const own = await startApache();
  const options = { values: {}, env: {}, home: "/nonexistent" };
  const { fs, root } = await openStorage(`webdav://127.0.0.1:${String(own.port)}/contract`, options);
  return { fs, folder: root, stop: () => own.stop() };
});

let server: DavServer;
let scratch: string;
beforeAll(async () => {
  server = await startApache();
  scratch = mkdtempSync(join(tmpdir(), "hf-dav-"));
});
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await server.stop();
});

type Values = Record<string, string>;
const urlOf = (path: string, port = server.port): string => `webdav://127.0.0.1:${String(port)}${path}`;
const open = (path: string, values: Values = {}, port = server.port): Promise<OpenedStorage> =>
  openStorage(urlOf(path, port), { values, env: { PATH: process.env["PATH"] }, home: "/nonexistent" });
const failureOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);
const filesIn = (path: string): string[] =>
  readdirSync(join(server.folder, path), { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map(({ name }) => name)
    .sort();

/** A server of our own, for what Apache does not do. */
async function scripted(answer: RequestListener): Promise<{ port: number; server: Server }> {
  const made = createServer(answer);
  await new Promise<void>((done) => made.listen(0, "127.0.0.1", done));
  return { port: (made.address() as AddressInfo).port, server: made };
}

/** Passes requests on to Apache, except those that `refuse` answers itself. */
function before(refuse: RequestListener & ((...all: never[]) => unknown)): RequestListener {
  return (request, answer) => {
    if ((refuse as unknown as (...all: unknown[]) => boolean)(request, answer)) return;
    const { method, url: path, headers } = request;
    const target = { host: "127.0.0.1", port: server.port, method, path, headers };
    const passed = httpRequest(target, (got) => {
      answer.writeHead(got.statusCode ?? 0, got.headers);
      got.pipe(answer);
    });
    request.pipe(passed);
  };
}

describe("webdav://", () => {
  it("logs in by password, token, header and program, and tells who may not", async () => {
    const logins: [string, Values][] = [
      ["/private", { user: "ann", password: "secret" }],
      ["/token", { token: "good-token" }],
      ["/header", { custom_auth_header: "X-Key", password: "open" }],
      ["/token", { bearer_token_command: `'${process.execPath}' -e 'console.log("good-token")'` }],
    ];
    for (const [path, values] of logins) {
      const { fs, root } = await open(path, values);
      await fs.write(`${root}/a/file`, { bytes: Buffer.from(path) });
      expect((await fs.readBytes(`${root}/a/file`)).toString()).toBe(path);
      expect((await fs.access?.())?.credentials).not.toMatch(/secret|good-token|open'/);
      await fs.close();
      const stranger = await open(path, { user: "ann", password: "guess" });
      const error = await failureOf(stranger.fs.stat(`${root}/a/file`));
      expect(error).toMatchObject({ code: "auth" });
      expect(String(error)).not.toContain("guess");
    }
    const inUrl = await openStorage(`webdav://ann:secret@127.0.0.1:${String(server.port)}/private`, {
      values: {},
      env: {},
      home: "/nonexistent",
    });
    expect(await inUrl.fs.stat(inUrl.root)).toMatchObject({ type: "folder" });
  });

  it("says that a folder can't be made, and that a server speaks no TLS", async () => {
    const closed = await open("/only-read/below");
    const refused = await failureOf(closed.fs.write(`${closed.root}/file`, { bytes: Buffer.from("x") }));
    expect(refused).toMatchObject({
      message: expect.stringMatching(
        /'http:.*' can't be written: its folder is not there, and can't be made/,
      ) as string,
    });
    const plain = await openStorage(`webdavs://127.0.0.1:${String(server.port)}/x`, {
      values: {},
      env: {},
      home: "/nonexistent",
    });
    expect(await failureOf(plain.fs.stat(`${plain.root}/file`))).toMatchObject({
      message: expect.stringContaining("it does not speak TLS") as string,
    });
  });

  it("asks the program for a new token when the server refuses the old one, once for all requests", async () => {
    const counter = join(scratch, "counter");
    writeFileSync(counter, "0");
    const program = join(scratch, "token.cjs");
    const print = `const fs = require("fs"); const n = +fs.readFileSync(process.argv[2]) + 1; fs.writeFileSync(process.argv[2], "" + n); console.log("token-" + n);`;
    writeFileSync(program, print);
    const own = await scripted((request, answer) => {
      if (request.headers.authorization === "Bearer token-2") answer.end("let in");
      else answer.writeHead(401).end();
    });
    const command = `'${process.execPath}' '${program}' '${counter}'`;
    const { fs } = await open("/", { bearer_token_command: command }, own.port);
    const read = async (name: string): Promise<string> => (await fs.readBytes(name)).toString();
    expect(await Promise.all(["/a", "/b", "/c"].map(read))).toEqual(["let in", "let in", "let in"]);
    expect(readFileSync(counter, "utf8")).toBe("2");
    await fs.close();
    own.server.close();
    const failing = await open("/", { bearer_token_command: "no-such-program-here --now" });
    expect(await failureOf(failing.fs.stat("/"))).toMatchObject({ code: "auth" });
  });

  it("runs no program and reads no file that a committed config names", async () => {
    const options = { env: {}, home: scratch, projectRoot: scratch };
    const command = { bearer_token_command: "touch pwned" };
    const untrusted = new Set(["bearer_token_command", "cert_path"]);
    await expect(openStorage(urlOf("/"), { ...options, values: command, untrusted })).rejects.toThrow(
      "would run a program",
    );
    writeFileSync(join(scratch, "cert"), "x");
    await expect(openStorage(urlOf("/"), { ...options, values: { cert_path: "cert" }, untrusted })).rejects.toThrow(
      "lies inside the repository",
    );
  });

  it("shows a client's certificate over TLS, and checks the server's", async () => {
    const url = `webdavs://127.0.0.1:${String(server.tlsPort)}/tls`;
    const openTls = (values: Values): Promise<OpenedStorage> =>
      openStorage(url, { values, env: {}, home: "/nonexistent" });
    const both = { ssl_verify: CERT_FILE, cert_path: CERT_FILE, key_path: KEY_FILE };
    const { fs, root } = await openTls(both);
    const large = randomBytes(33 << 20);
    const file = join(scratch, "tls");
    writeFileSync(file, large);
    await fs.write(`${root}/large`, { file, size: large.length });
    expect(readFileSync(join(server.folder, "tls", "large")).equals(large)).toBe(true);
    expect((await fs.readBytes(`${root}/large`, { end: 3 })).equals(large.subarray(0, 3))).toBe(true);
    expect(fs.url(`${root}/large`)).toBe(`${url}/large`);
    await fs.close();
    const nameless = await openTls({ ssl_verify: CERT_FILE });
    expect(await failureOf(nameless.fs.stat("/"))).toMatchObject({ name: "StorageError" });
    const unchecked = await openTls({ cert_path: CERT_FILE, key_path: KEY_FILE });
    expect(String(await failureOf(unchecked.fs.stat("/")))).toMatch(/certificate/i);
  }, 30_000);

  it("writes to the place itself where the server moves nothing, and leaves nothing beside it", async () => {
    const own = await scripted(
      before((request, answer) => {
        if (request.method !== "MOVE") return false;
        answer.writeHead(405).end();
        return true;
      }),
    );
    const { fs, root } = await open("/still", {}, own.port);
    let sent = 0;
    const onBytes = (count: number): void => void (sent += count);
    for (const name of ["one", "two"]) await fs.write(`${root}/${name}`, { bytes: Buffer.from(name) }, { onBytes });
    expect(sent).toBe(6);
    expect(filesIn("still")).toEqual(["one", "two"]);
    await expect(fs.write(`${root}/bad`, { bytes: Buffer.from("x") }, { md5: "0".repeat(32) })).rejects.toThrow();
    expect(filesIn("still")).toEqual(["one", "two"]);
    await fs.close();
    own.server.close();
  });

  it("goes on after answers were lost, and takes no short file for the whole", async () => {
    const lost = new Map([
      ["PUT", 2],
      ["MOVE", 1],
      ["PROPFIND", 1],
      ["MKCOL", 1],
    ]);
    const own = await scripted((request, answer) => {
      const left = lost.get(request.method ?? "") ?? 0;
      lost.set(request.method ?? "", left - 1);
      if (left <= 0) {
        before(() => false)(request, answer);
        return;
      }
      // The server does what it was asked, but nobody hears of it.
      const { method, url: path, headers } = request;
      const done = httpRequest({ host: "127.0.0.1", port: server.port, method, path, headers }, (got) => {
        got.resume().once("end", () => answer.destroy());
      });
      request.pipe(done);
    });
    const { fs, root } = await open("/lossy", {}, own.port);
    const bytes = randomBytes(3 << 20);
    await fs.write(`${root}/file`, { bytes }, { md5: createHash("md5").update(bytes).digest("hex") });
    expect(filesIn("lossy")).toEqual(["file"]);
    expect((await fs.readBytes(`${root}/file`)).equals(bytes)).toBe(true);
    await fs.close();
    own.server.close();
  }, 30_000);

  it("believes no listing that tells of other places, and no answer that is no WebDAV", async () => {
    const answers = (href: string): string =>
      `<?xml version="1.0"?><d:multistatus xmlns:d="DAV:"><d:response><d:href>${href}</d:href><d:propstat><d:prop><d:getcontentlength>1</d:getcontentlength></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>`;
    let body = "";
    let status = 207;
    const own = await scripted((request, answer) => {
      request.resume();
      answer.writeHead(status).end(body);
    });
    const { fs } = await open("/data", {}, own.port);
    const listed = async (): Promise<unknown> => {
      for await (const one of fs.children("/data")) return one;
      return undefined;
    };
    body = answers("/data/good");
    expect(await listed()).toMatchObject({ path: "/data/good", size: 1 });
    for (const href of ["/elsewhere/x", "/data/../etc", "/data/a%2F..%2F..%2Fb", "/data/%2e%2e/etc"]) {
      body = answers(href);
      expect(String(await failureOf(listed()))).toContain("the server tells of");
    }
    for (const bad of ["<d:multistatus", '<!DOCTYPE x [<!ENTITY e "boom">]><x>&e;</x>', answers("/data/%ff")]) {
      body = bad;
      expect(String(await failureOf(listed()))).toContain("can't be read");
    }
    [body, status] = ["<html></html>", 200];
    expect(await failureOf(listed())).toMatchObject({ code: "config" });
    await fs.close();
    own.server.close();
  });
});

describe("a remote on webdav://", () => {
  it("takes a push, gives a pull, and is cleaned by gc -c", () => {
    const rig = new Rig().project();
    rig.ok("remote", "add", "-d", "dav", urlOf("/private/deep/store"));
    rig.ok("remote", "modify", "--local", "dav", "user", "ann");
    rig.ok("remote", "modify", "--local", "dav", "password", "secret");
    for (const name of ["one", "two"]) rig.write(`data/${name}`, name);
    rig.ok("add", "-q", "data");
    expect(rig.run(["status", "-c"]).out).toContain("new:");
    expect(rig.ok("push")).toContain("3 files pushed");
    expect(rig.ok("push")).toContain("Everything is up to date");
    rmSync(rig.path("data"), { recursive: true });
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    expect(rig.ok("pull")).toContain("A       data/");
    expect(rig.read("data/two")).toBe("two");
    const tested = rig.ok("remote", "test", "dav");
    expect(tested).not.toContain("secret");
    rig.write("data/one", "changed");
    rig.ok("add", "-q", "data");
    rig.ok("push", "-q");
    expect(filesIn("private/deep/store")).toHaveLength(5);
    rig.ok("gc", "-w", "-c", "-f");
    expect(filesIn("private/deep/store")).toHaveLength(3);
    rig.close();
  });

  it("asks for the password on the terminal, hidden and once, and says so where there is none", async () => {
    const rig = new Rig().project();
    rig.ok("remote", "add", "-d", "dav", urlOf("/private/asked"));
    rig.ok("remote", "modify", "dav", "user", "ann");
    rig.ok("remote", "modify", "dav", "ask_password", "true");
    for (const name of ["one", "two"]) rig.write(name, name);
    rig.ok("add", "-q", "one", "two");
    const command = [process.execPath, BINARY, "push"];
    const question = `Enter a password for host 'http://127.0.0.1:${String(server.port)}' user 'ann':`;
    const type = (typed: string): Promise<TerminalRun> => onTerminal(command, { cwd: rig.dir, question, typed });
    expect(await type("secret\x03")).toMatchObject({ code: 252 });
    expect(await type("guess\r")).toMatchObject({ code: 251 });
    const ran = await type("wrong\x15secre\u00e9\x7ft\r");
    expect(ran.screen.split(question)).toHaveLength(2);
    expect(ran.screen).toContain("2 files pushed");
    expect(ran.screen).not.toMatch(/secre|wrong/);
    expect(ran.code).toBe(0);
    const alone = spawnSync("setsid", ["-w", ...command], { cwd: rig.dir, encoding: "utf8", input: "secret\n" });
    expect(alone.stderr).toContain("nobody can be asked");
    expect(alone.status).not.toBe(0);
    rig.close();
  });

  it("is a source of imports, with the server's ETag", () => {
    const rig = new Rig().project();
    mkdirSync(join(server.folder, "in", "sub"), { recursive: true });
    writeFileSync(join(server.folder, "in", "file.txt"), "hello");
    writeFileSync(join(server.folder, "in", "sub", "b c.txt"), "other");
    // Of a file that was just written Apache gives another ETag (W/) than a second later.
    utimesSync(join(server.folder, "in", "file.txt"), 1e9, 1e9);
    rig.ok("import-url", urlOf("/in/file.txt"), "got.txt");
    expect(rig.read("got.txt")).toBe("hello");
    expect(rig.read("got.txt.dvc")).toMatch(/etag: /);
    expect(rig.ok("update", "got.txt.dvc")).toContain("didn't change");
    rig.ok("get-url", urlOf("/in"), "copy");
    expect(rig.read("copy/sub/b c.txt")).toBe("other");
    expect(rig.ok("list-url", urlOf("/in"))).toBe("file.txt\nsub\n");
    expect(existsSync(rig.path("copy/file.txt"))).toBe(true);
    rig.close();
  });
});
