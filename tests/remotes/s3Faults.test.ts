import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Event } from "../../packages/core/src/base/events.ts";
import { openStorage } from "../../packages/core/src/fs/open.ts";
import { temporariesIn } from "../support/temporaries.ts";
import { ObjectDb } from "../../packages/core/src/odb/objectDb.ts";
import { RemoteDb } from "../../packages/core/src/odb/remoteDb.ts";
import { memoryState } from "../../packages/core/src/odb/state.ts";
import { fetch, upload, type TransferResult } from "../../packages/core/src/odb/transfer.ts";
import { Tree } from "../../packages/core/src/odb/tree.ts";
import { startFaultyProxy, type Fault, type FaultyProxy } from "../support/faultyHttp.ts";
import { startS3Server, type S3Server } from "../support/s3Server.ts";

let server: S3Server;
let folder: string;
let cache: ObjectDb;
let proxy: FaultyProxy | undefined;
let serial = 0;

beforeAll(async () => {
  server = await startS3Server();
});
afterAll(async () => {
  await server.stop();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hf-faults-"));
  cache = new ObjectDb(join(folder, "cache"), { layout: "3.x" });
  server.makeBucket(`bucket${String(++serial)}`);
});
afterEach(async () => {
  await proxy?.stop();
  proxy = undefined;
  rmSync(folder, { recursive: true, force: true });
});

function putFolder(count: number, size = 100): { dir: string; files: string[] } {
  const files = Array.from({ length: count }, (_, i) => {
    const bytes = Buffer.alloc(size, `file ${String(i)} of ${String(serial)} `);
    const md5 = createHash("md5").update(bytes).digest("hex");
    cache.addBytes(md5, bytes);
    return md5;
  });
  const tree = Tree.from(files.map((md5, i) => ({ relpath: `f${String(i)}`, md5 })));
  cache.addTree(tree);
  return { dir: tree.oid, files };
}

const wantDir = (dir: string): { files: ReadonlySet<string>; dirs: ReadonlySet<string> } => ({
  files: new Set(),
  dirs: new Set([dir]),
});

async function remoteAt(
  endpoint: string,
  more: Record<string, string> = {},
  env: Record<string, string> = {},
): Promise<RemoteDb> {
  const keys = { access_key_id: server.accessKeyId, secret_access_key: server.secretAccessKey };
  const values = { endpointurl: endpoint, ...keys, ...more };
  const { fs, root } = await openStorage(`s3://bucket${String(serial)}/base`, {
    values,
    env,
    home: "/nonexistent",
  });
  return new RemoteDb(fs, root, { name: "r", layout: "3.x" });
}

/** Spoils the first request for each of the first `times` paths that `matches` picks. */
function spoil(
  fault: Fault,
  times: number,
  matches: (method: string, path: string) => boolean,
): () => Promise<RemoteDb> {
  const spoilt = new Set<string>();
  return async () => {
    proxy = await startFaultyProxy(server.endpoint, ({ method, path }) =>
      matches(method, path) && !spoilt.has(path) && spoilt.size < times && spoilt.add(path) ? fault : "pass",
    );
    return remoteAt(proxy.endpoint);
  };
}

const isObject =
  (method: string) =>
  (m: string, path: string): boolean =>
    m === method && path.includes("/files/md5/");

describe("a server in trouble", () => {
  it.each(["busy", "reset"] as const)("a push gets through when some answers are: %s", async (fault) => {
    const { dir, files } = putFolder(12);
    const remote = await spoil(fault, 5, isObject("PUT"))();
    expect(await upload(cache, remote, wantDir(dir))).toMatchObject({ transferred: 13, failed: [], missing: [] });
    const direct = await remoteAt(server.endpoint);
    expect(await direct.exists([dir, ...files])).toEqual(new Set([dir, ...files]));
  });

  it.each(["busy", "reset", "cut"] as const)("a fetch gets through when some answers are: %s", async (fault) => {
    const { dir, files } = putFolder(12);
    await upload(cache, await remoteAt(server.endpoint), wantDir(dir));
    const other = new ObjectDb(join(folder, "other"), { layout: "3.x" });
    const remote = await spoil(fault, 5, isObject("GET"))();
    expect(await fetch(other, remote, wantDir(dir))).toMatchObject({ transferred: 13, failed: [] });
    for (const oid of files) expect(readFileSync(other.pathOf(oid)).equals(readFileSync(cache.pathOf(oid)))).toBe(true);
    expect(temporariesIn(other)).toEqual([]);
  });

  it("ranges of a large object that break are fetched again", async () => {
    const { dir, files } = putFolder(1, 40 << 20);
    await upload(cache, await remoteAt(server.endpoint), wantDir(dir));
    const other = new ObjectDb(join(folder, "other"), { layout: "3.x" });
    const large = (files[0] as string).slice(2);
    const remote = await spoil("cut", 1, (method, path) => method === "GET" && path.endsWith(large))();
    expect(await fetch(other, remote, wantDir(dir))).toMatchObject({ transferred: 2, failed: [] });
    expect(other.verify(files[0] as string)).toBe(true);
  });

  describe("a large object that comes in ranges", () => {
    const SIZE = (40 << 20) + 1;
    const SECOND = `bytes=${String(16 << 20)}-${String((32 << 20) - 1)}`;

    /** The object on the remote, an empty cache, and a remote whose answers `faultOf` spoils by their range. */
    async function large(faultOf: (range: string | undefined) => Fault | Promise<Fault>): Promise<{
      oid: string;
      want: { files: ReadonlySet<string>; dirs: ReadonlySet<string> };
      other: ObjectDb;
      remote: RemoteDb;
      ranges: (string | undefined)[];
    }> {
      // No period that divides a range: bytes at a wrong place would be seen.
      const bytes = Buffer.alloc(SIZE, `object ${String(serial)} of an odd period`);
      const oid = createHash("md5").update(bytes).digest("hex");
      cache.addBytes(oid, bytes);
      const want = { files: new Set([oid]), dirs: new Set<string>() };
      await upload(cache, await remoteAt(server.endpoint), want);
      const ranges: (string | undefined)[] = [];
      proxy = await startFaultyProxy(server.endpoint, ({ method, range }) => {
        if (method !== "GET") return "pass";
        ranges.push(range);
        return faultOf(range);
      });
      const other = new ObjectDb(join(folder, "other"), { layout: "3.x", state: memoryState() });
      return { oid, want, other, remote: await remoteAt(proxy.endpoint), ranges };
    }

    it("is fetched whole from a server that answers a range with 200", async () => {
      const { oid, want, other, remote, ranges } = await large((range) => (range === undefined ? "pass" : "whole"));
      expect(await fetch(other, remote, want)).toMatchObject({ transferred: 1, bytes: SIZE, failed: [] });
      expect(readFileSync(other.pathOf(oid)).equals(readFileSync(cache.pathOf(oid)))).toBe(true);
      expect(ranges.filter((range) => range === undefined).length).toBe(2);
    });

    it("is fetched whole when one answer is of another range", async () => {
      const { oid, want, other, remote } = await large((range) =>
        range === SECOND
          ? { headers: { "content-range": `bytes 0-${String((16 << 20) - 1)}/${String(SIZE)}` } }
          : "pass",
      );
      expect(await fetch(other, remote, want)).toMatchObject({ transferred: 1, failed: [] });
      expect(readFileSync(other.pathOf(oid)).equals(readFileSync(cache.pathOf(oid)))).toBe(true);
    });

    it("is not put together from two objects: another ETag ends the fetch", async () => {
      const { oid, want, other, remote } = await large((range) =>
        range === SECOND ? { headers: { etag: '"another"' } } : "pass",
      );
      const { failed } = await fetch(other, remote, want);
      expect(failed).toMatchObject([{ oid, error: { code: "storage" } }]);
      expect(failed[0]?.error.message).toContain("was replaced while it was fetched");
      expect(other.exists([oid]).size).toBe(0);
      expect(temporariesIn(other)).toEqual([]);
    });

    it.each([
      { what: "the same bytes, in other parts", same: true },
      { what: "other bytes of the same length", same: false },
    ])("that is replaced by $what meanwhile is fetched anew, never mixed", async ({ same }) => {
      const direct = await remoteAt(server.endpoint);
      let replaced = false;
      let stored = "";
      const { oid, want, other, remote, ranges } = await large(async (range): Promise<Fault> => {
        if (range !== SECOND || replaced) return "pass";
        replaced = true;
        const bytes = readFileSync(cache.pathOf(stored));
        if (!same) bytes.fill(0x2a);
        await direct.fs.write(direct.pathOf(stored), { bytes });
        return "pass";
      });
      stored = oid;
      const { failed, transferred } = await fetch(other, remote, want);
      expect(replaced).toBe(true);
      // From the beginning, once.
      expect(ranges.filter((range) => range === undefined).length).toBe(2);
      if (same) {
        expect({ failed, transferred }).toEqual({ failed: [], transferred: 1 });
        expect(readFileSync(other.pathOf(oid)).equals(readFileSync(cache.pathOf(oid)))).toBe(true);
      } else {
        expect(failed).toMatchObject([{ oid, error: { code: "corrupt-object" } }]);
        expect(other.exists([oid]).size).toBe(0);
      }
      expect(temporariesIn(other)).toEqual([]);
    });

    it.each([0, 1, 65_536, 9 << 20, (16 << 20) - 1])(
      "only the range that is cut after %i bytes is fetched again, from its last whole piece on",
      async (cutAt) => {
        let cut = false;
        const { oid, want, other, remote, ranges } = await large((range) => {
          if (range !== SECOND || cut) return "pass";
          cut = true;
          return { cutAt };
        });
        let bytes = 0;
        const reporter = {
          emit: (event: Event): void => {
            if (event.type === "progress") bytes = event.bytes;
          },
        };
        expect(await fetch(other, remote, want, { reporter })).toMatchObject({
          transferred: 1,
          bytes: SIZE,
          failed: [],
        });
        expect(readFileSync(other.pathOf(oid)).equals(readFileSync(cache.pathOf(oid)))).toBe(true);
        const again = (16 << 20) + Math.floor(cutAt / (4 << 20)) * (4 << 20);
        const asked = ranges.filter((range) => range?.endsWith(`-${String((32 << 20) - 1)}`));
        expect(asked).toEqual([SECOND, `bytes=${String(again)}-${String((32 << 20) - 1)}`]);
        expect(ranges.length).toBe(5);
        expect(bytes).toBe(SIZE);
      },
    );

    it("need not be hashed again by the checkout that follows, nor need small ones", async () => {
      const { oid, want, other, remote } = await large(() => "pass");
      const { files } = putFolder(2);
      await upload(cache, await remoteAt(server.endpoint), { files: new Set(files), dirs: new Set() });
      await fetch(other, remote, { ...want, files: new Set([oid, ...files]) });
      const path = other.pathOf(oid);
      expect(other.knows(oid, path, statSync(path, { bigint: true }))).toBe(true);
      for (const one of [oid, ...files]) expect(other.isFresh(one)).toBe(true);
    });
  });

  describe("a large object that is pushed in parts", () => {
    const isJoining = (method: string, path: string): boolean => method === "POST" && path.includes("uploadId=");

    /** Pushes an object; the first answer to the joining of its parts is lost, the second is that there is no such upload, the look that follows gets `look`. */
    async function push(look: Fault): Promise<{ oid: string; result: TransferResult; asked: string[] }> {
      const bytes = Buffer.alloc((20 << 20) + 1, `object ${String(serial)} `);
      const oid = createHash("md5").update(bytes).digest("hex");
      cache.addBytes(oid, bytes);
      const asked: string[] = [];
      proxy = await startFaultyProxy(server.endpoint, ({ method, path }) => {
        if (isJoining(method, path)) return asked.push("join") === 1 ? "lost" : { status: 404, error: "NoSuchUpload" };
        if (method !== "HEAD" || asked.length === 0) return "pass";
        asked.push("look");
        return look;
      });
      const remote = await remoteAt(proxy.endpoint);
      return { oid, asked, result: await upload(cache, remote, { files: new Set([oid]), dirs: new Set() }) };
    }

    it("is there when only the answer to the joining was lost", async () => {
      const { oid, result, asked } = await push("pass");
      expect(asked).toEqual(["join", "join", "look"]);
      expect(result).toMatchObject({ transferred: 1, failed: [], missing: [] });
      const direct = await remoteAt(server.endpoint);
      const stored = await direct.fs.readBytes(direct.pathOf(oid));
      expect(createHash("md5").update(stored).digest("hex")).toBe(oid);
    });

    it.each([{ etag: `"${"0".repeat(32)}-3"` }, { "content-length": "1" }])(
      "has failed when another object lies under its name: %o",
      async (headers) => {
        const { oid, result } = await push({ headers });
        expect(result).toMatchObject({ transferred: 0, missing: [], failed: [{ oid }] });
        expect(result.failed[0]?.error.message).toContain("NoSuchUpload");
      },
    );
  });

  describe("a large object whose push was interrupted", () => {
    const PARTS = 4;
    const large = (text: string): Buffer => Buffer.alloc((8 << 20) * (PARTS - 1) + 1, `${text} of an odd period`);
    const partOf = (path: string): number => Number(/partNumber=(\d+)/.exec(path)?.[1] ?? 0);
    const storedMd5 = async (path: string): Promise<string> => {
      const direct = await remoteAt(server.endpoint);
      return createHash("md5")
        .update(await direct.fs.readBytes(path))
        .digest("hex");
    };

    /** Pushes until the server takes no more parts from `from` on. @returns what a later push asks through the proxy */
    async function interrupted(bytes: Buffer, from: number): Promise<{ oid: string; later: () => Promise<string[]> }> {
      const oid = createHash("md5").update(bytes).digest("hex");
      cache.addBytes(oid, bytes);
      let isDown = true;
      proxy = await startFaultyProxy(server.endpoint, ({ path }) => (isDown && partOf(path) >= from ? "busy" : "pass"));
      const want = { files: new Set([oid]), dirs: new Set<string>() };
      const remote = await remoteAt(proxy.endpoint, {}, { AWS_MAX_ATTEMPTS: "1" });
      expect(await upload(cache, remote, want)).toMatchObject({ transferred: 0, failed: [{ oid }] });
      isDown = false;
      const { seen } = proxy;
      return {
        oid,
        later: async () => {
          const before = seen.length;
          expect(await upload(cache, remote, want)).toMatchObject({ transferred: 1, failed: [] });
          return seen.slice(before);
        },
      };
    }

    it("goes on with the next: parts that are there are not sent again", async () => {
      const { oid, later } = await interrupted(large("one"), 3);
      const asked = await later();
      expect(asked.filter((one) => one.startsWith("PUT ")).map(partOf)).toEqual([3, 4]);
      expect(asked.filter((one) => one.startsWith("POST ")).length).toBe(1);
      expect(await storedMd5(`bucket${String(serial)}/base/files/md5/${oid.slice(0, 2)}/${oid.slice(2)}`)).toBe(oid);
    });

    it("is sent anew where other bytes were begun under the name", async () => {
      const path = `bucket${String(serial)}/base/file`;
      const [file, md5] = [join(folder, "file"), createHash("md5").update(large("one")).digest("hex")];
      writeFileSync(file, large("other"));
      proxy = await startFaultyProxy(server.endpoint, ({ path: asked }) => (partOf(asked) > 2 ? "busy" : "pass"));
      const { fs } = await remoteAt(proxy.endpoint, {}, { AWS_MAX_ATTEMPTS: "1" });
      const source = { file, size: large("one").length };
      await expect(fs.write(path, source)).rejects.toThrow("SlowDown");
      writeFileSync(file, large("one"));
      await (await remoteAt(server.endpoint)).fs.write(path, source, { md5 });
      expect(await storedMd5(path)).toBe(md5);
    });

    it("is sent anew where the upload is gone by the time it is taken up", async () => {
      const { oid } = await interrupted(large("one"), 3);
      const gone = /uploadId=([^&]*)/.exec(proxy?.seen.find((one) => one.includes("uploadId=")) ?? "")?.[1] ?? "none";
      const taken = await startFaultyProxy(server.endpoint, ({ method, path }) =>
        method === "PUT" && path.includes(`uploadId=${gone}`) ? { status: 404, error: "NoSuchUpload" } : "pass",
      );
      const remote = await remoteAt(taken.endpoint);
      const want = { files: new Set([oid]), dirs: new Set<string>() };
      expect(await upload(cache, remote, want)).toMatchObject({ transferred: 1, failed: [] });
      const sent = taken.seen.filter((one) => one.startsWith("PUT ")).map(partOf);
      expect(sent.slice(-PARTS).sort()).toEqual([1, 2, 3, 4]);
      await taken.stop();
    });
  });

  describe("a large object whose fetch was interrupted", () => {
    const SIZE = (60 << 20) + 1;
    const FIRST = `bytes=0-${String((16 << 20) - 1)}`;
    const THIRD = `bytes=${String(32 << 20)}-${String((48 << 20) - 1)}`;

    /** Fetches until the third range, which never comes; then it is as if that process had ended. @returns what a later fetch asks for */
    async function interrupted(
      spoilLeft: (file: string) => void = () => undefined,
    ): Promise<{ oid: string; other: ObjectDb; later: () => Promise<(string | undefined)[]> }> {
      const bytes = Buffer.alloc(SIZE, `object ${String(serial)} of an odd period`);
      const oid = createHash("md5").update(bytes).digest("hex");
      cache.addBytes(oid, bytes);
      const want = { files: new Set([oid]), dirs: new Set<string>() };
      await upload(cache, await remoteAt(server.endpoint), want);
      let isDown = true;
      const ranges: (string | undefined)[] = [];
      proxy = await startFaultyProxy(server.endpoint, ({ method, range }) => {
        if (method !== "GET") return "pass";
        ranges.push(range);
        return isDown && range === THIRD ? "busy" : "pass";
      });
      const other = new ObjectDb(join(folder, "other"), { layout: "3.x", state: memoryState() });
      const remote = await remoteAt(proxy.endpoint, {}, { AWS_MAX_ATTEMPTS: "1" });
      expect(await fetch(other, remote, want)).toMatchObject({ transferred: 0, failed: [{ oid }] });
      isDown = false;
      const left = temporariesIn(other);
      expect(left.length).toBe(2);
      for (const path of left) {
        if (path.includes(".ranges.")) renameSync(path, path.replace(/\.\d+-/, ".2147483647-"));
        else spoilLeft(path);
      }
      return {
        oid,
        other,
        later: async () => {
          ranges.length = 0;
          expect(await fetch(other, remote, want)).toMatchObject({ transferred: 1, bytes: SIZE, failed: [] });
          expect(readFileSync(other.pathOf(oid)).equals(bytes)).toBe(true);
          expect(statSync(other.pathOf(oid)).mode & 0o777).toBe(0o444);
          expect(temporariesIn(other)).toEqual([]);
          return [...ranges];
        },
      };
    }

    it("goes on with the next: ranges that are there do not come again", async () => {
      const { later } = await interrupted();
      const asked = await later();
      expect(asked).toContain(THIRD);
      expect(asked).not.toContain(FIRST);
    });

    it("comes whole where what was left is damaged", async () => {
      const { later } = await interrupted((path) => {
        chmodSync(path, 0o600);
        const fd = openSync(path, "r+");
        writeSync(fd, "damage", 100);
        closeSync(fd);
      });
      expect((await later()).filter((range) => range === FIRST)).toEqual([FIRST]);
    });

    it("comes whole where another object has its name by now", async () => {
      const { oid, later } = await interrupted();
      const direct = await remoteAt(server.endpoint);
      // The same bytes in one part have another ETag.
      await direct.fs.write(direct.pathOf(oid), { bytes: readFileSync(cache.pathOf(oid)) });
      expect((await later()).filter((range) => range === FIRST)).toEqual([FIRST]);
    });
  });

  it("wrong bytes are reported by name and do not reach the cache", async () => {
    const { dir, files } = putFolder(3);
    await upload(cache, await remoteAt(server.endpoint), wantDir(dir));
    const other = new ObjectDb(join(folder, "other"), { layout: "3.x" });
    const bad = files[1] as string;
    const remote = await spoil("wrong", 1, (method, path) => method === "GET" && path.endsWith(bad.slice(2)))();
    const result = await fetch(other, remote, wantDir(dir));
    expect(result.failed).toMatchObject([{ oid: bad, error: { code: "corrupt-object" } }]);
    expect(result.failed[0]?.error.message).toContain(
      `s3://bucket${String(serial)}/base/files/md5/${bad.slice(0, 2)}/`,
    );
    expect(other.exists(files)).toEqual(new Set([files[0], files[2]]));
  });

  it("who may not list can push and fetch all the same", async () => {
    const { dir, files } = putFolder(120);
    proxy = await startFaultyProxy(server.endpoint, ({ method, path }) =>
      method === "GET" && path.includes("list-type") ? { status: 403, error: "AccessDenied" } : "pass",
    );
    const remote = await remoteAt(proxy.endpoint);
    expect(await upload(cache, remote, wantDir(dir))).toMatchObject({ transferred: 121, failed: [] });
    expect(await upload(cache, remote, wantDir(dir))).toMatchObject({ transferred: 0, failed: [] });
    const other = new ObjectDb(join(folder, "other"), { layout: "3.x" });
    expect(await fetch(other, remote, wantDir(dir))).toMatchObject({ transferred: 121, failed: [] });
    expect(other.exists(files).size).toBe(120);
  });

  it("a server that does not answer is given up in the time that the remote allows", async () => {
    proxy = await startFaultyProxy(server.endpoint, () => "hang");
    const { fs } = await openStorage(`s3://bucket${String(serial)}/base`, {
      values: { endpointurl: proxy.endpoint, access_key_id: "k", secret_access_key: "s", read_timeout: "0.2" },
      env: { AWS_MAX_ATTEMPTS: "1" },
      home: "/nonexistent",
    });
    await expect(fs.stat("bucket/key")).rejects.toThrow("it takes too long (ETIMEDOUT)");
  });

  it("a bucket of another region is followed there, once", async () => {
    const { dir } = putFolder(3);
    proxy = await startFaultyProxy(server.endpoint, ({ signedFor }) =>
      signedFor === "us-east-1" ? "pass" : { region: "us-east-1" },
    );
    const remote = await remoteAt(proxy.endpoint, { region: "eu-west-1" });
    expect((await upload(cache, remote, wantDir(dir), { jobs: 1 })).transferred).toBe(4);
    const asked = proxy.seen.length;
    await remote.exists([dir]);
    expect(proxy.seen.length).toBe(asked + 1);
  });

  it("a manifest waits for its files when some cannot be sent", async () => {
    const { dir, files } = putFolder(4);
    const bad = files[2] as string;
    proxy = await startFaultyProxy(server.endpoint, ({ method, path }) =>
      method === "PUT" && path.endsWith(bad.slice(2)) ? "busy" : "pass",
    );
    const { fs, root } = await openStorage(`s3://bucket${String(serial)}/base`, {
      values: {
        endpointurl: proxy.endpoint,
        access_key_id: server.accessKeyId,
        secret_access_key: server.secretAccessKey,
      },
      env: { AWS_MAX_ATTEMPTS: "2" },
      home: "/nonexistent",
    });
    const remote = new RemoteDb(fs, root, { name: "r", layout: "3.x" });
    const result = await upload(cache, remote, wantDir(dir));
    expect(result.failed.map((one) => one.oid)).toEqual([bad, dir]);
    expect(await remote.exists([dir, ...files])).toEqual(new Set(files.filter((oid) => oid !== bad)));
  });
});

describe("a push that is killed", () => {
  const PUSHER = `
    import { openStorage } from "./packages/core/src/fs/open.ts";
    import { ObjectDb } from "./packages/core/src/odb/objectDb.ts";
    import { RemoteDb } from "./packages/core/src/odb/remoteDb.ts";
    import { upload } from "./packages/core/src/odb/transfer.ts";
    const [cache, url, dir, values] = process.argv.slice(2);
    const { fs, root } = await openStorage(url, { values: JSON.parse(values), env: {}, home: "/nonexistent" });
    const remote = new RemoteDb(fs, root, { name: "r", layout: "3.x" });
    await upload(new ObjectDb(cache, { layout: "3.x" }), remote, { files: new Set(), dirs: new Set([dir]) });
    process.exit(0);
  `;

  it.each(["s3", "folder"])(
    "leaves no manifest without its files on the remote, and a second push finishes (%s)",
    async (kind) => {
      const { dir, files } = putFolder(400);
      const program = join(folder, "push.mjs");
      buildSync({
        stdin: { contents: PUSHER, resolveDir: join(import.meta.dirname, "..", ".."), loader: "ts" },
        outfile: program,
        bundle: true,
        platform: "node",
        format: "esm",
        external: ["@aws-sdk/*", "*/ssh.ts"],
      });
      const url = kind === "s3" ? `s3://bucket${String(serial)}/base` : join(folder, "remote");
      const keys = { access_key_id: server.accessKeyId, secret_access_key: server.secretAccessKey };
      const values = { endpointurl: server.endpoint, ...keys };
      const { fs, root } = await openStorage(url, { values, env: {}, home: "/nonexistent" });
      const remote = new RemoteDb(fs, root, { name: "r", layout: "3.x" });
      const objects = kind === "s3" ? join(server.folder, root) : root;
      const child = spawn(process.execPath, [program, cache.root, url, dir, JSON.stringify(values)], {
        stdio: "inherit",
      });
      const ended = new Promise<NodeJS.Signals | null>((resolve) =>
        child.once("exit", (_code, signal) => {
          resolve(signal);
        }),
      );
      // A folder's objects get their names 250 at a time.
      await fileCountReaches(objects, kind === "s3" ? 40 : 300, () => child.exitCode === null);
      child.kill("SIGKILL");
      await ended;

      const there = await remote.exists([dir, ...files]);
      expect(there.size).toBeGreaterThan(0);
      if (there.size <= files.length) expect(there.has(dir)).toBe(false);
      for (const oid of there) {
        const bytes = await fs.readBytes(remote.pathOf(oid));
        expect(createHash("md5").update(bytes).digest("hex")).toBe(oid.slice(0, 32));
      }
      // A file that is written again is another file, or has another time.
      const fileOf = (oid: string): string =>
        kind === "s3" ? join(server.folder, remote.pathOf(oid)) : remote.pathOf(oid);
      const marksOf = (): string[] =>
        [...there].map((oid) => {
          const { ino, mtimeNs, ctimeNs } = statSync(fileOf(oid), { bigint: true });
          return [oid, ino, mtimeNs, ctimeNs].join(" ");
        });
      const marks = marksOf();
      const { transferred, failed } = await upload(cache, remote, wantDir(dir));
      expect(failed).toEqual([]);
      // Fewer: what was under way when the child died may still have arrived after we looked.
      expect(transferred).toBeLessThanOrEqual(401 - there.size);
      expect(marksOf()).toEqual(marks);
      expect((await remote.exists([dir, ...files])).size).toBe(401);
    },
  );
});

/** Looks again on each turn of the event loop until the folder holds so many files, or the child has ended. */
async function fileCountReaches(at: string, count: number, alive: () => boolean): Promise<void> {
  for (;;) {
    const found = countFiles(at);
    if (found >= count || !alive()) return;
    await new Promise(setImmediate);
  }
}

function countFiles(at: string): number {
  try {
    return readdirSync(at, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).length;
  } catch {
    return 0;
  }
}
