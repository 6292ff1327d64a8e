import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CorruptObjectError, StorageError } from "../base/errors.ts";
import type { FileSystem, Source, WriteOptions } from "../fs/filesystem.ts";
import { LocalFileSystem } from "../fs/local.ts";
import { MemoryFileSystem } from "../fs/memory.ts";
import { temporariesIn } from "../../../../tests/support/temporaries.ts";
import { ObjectDb } from "./objectDb.ts";
import { RemoteDb } from "./remoteDb.ts";
import { status } from "./remoteStatus.ts";
import { fetch, upload } from "./transfer.ts";
import { Tree } from "./tree.ts";

let folder: string;
let cache: ObjectDb;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hf-transfer-"));
  cache = new ObjectDb(join(folder, "cache"), { layout: "3.x" });
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function put(db: ObjectDb, text: string): string {
  const oid = createHash("md5").update(text).digest("hex");
  db.addBytes(oid, Buffer.from(text));
  return oid;
}

function putFolder(db: ObjectDb, texts: readonly string[]): { dir: string; files: string[] } {
  const files = texts.map((text) => put(db, text));
  const tree = Tree.from(files.map((md5, i) => ({ relpath: `f${String(i)}`, md5 })));
  db.addTree(tree);
  return { dir: tree.oid, files };
}

const none: ReadonlySet<string> = new Set();
const wantDir = (dir: string): { files: ReadonlySet<string>; dirs: ReadonlySet<string> } => ({
  files: none,
  dirs: new Set([dir]),
});

function localRemote(): { fs: FileSystem; remote: RemoteDb; edit: (oid: string, text: string | undefined) => void } {
  const fs = new LocalFileSystem();
  const remote = new RemoteDb(fs, join(folder, "remote"), { name: "r", layout: "3.x" });
  return {
    fs,
    remote,
    edit: (oid, text) => {
      rmSync(remote.pathOf(oid));
      if (text !== undefined) writeFileSync(remote.pathOf(oid), text);
    },
  };
}

function memoryRemote(): {
  fs: MemoryFileSystem;
  remote: RemoteDb;
  edit: (oid: string, text: string | undefined) => void;
} {
  const fs = new MemoryFileSystem();
  const remote = new RemoteDb(fs, "bucket/base", { name: "r", layout: "3.x", jobs: 4 });
  return {
    fs,
    remote,
    edit: (oid, text) => {
      if (text === undefined) fs.files.delete(remote.pathOf(oid));
      else fs.files.set(remote.pathOf(oid), Buffer.from(text));
    },
  };
}

describe.each([
  ["a folder", localRemote],
  ["another storage", memoryRemote],
])("transfer with %s", (_name, make) => {
  it("pushes an object that hashes right on the second look", async () => {
    const { remote } = make();
    const { dir, files } = putFolder(cache, ["one", "two"]);
    const path = cache.pathOf(files[1] as string);
    const rewrite = (text: string): void => {
      chmodSync(path, 0o644);
      writeFileSync(path, text);
      chmodSync(path, 0o444);
    };
    rewrite("bad");
    const verify = cache.verify.bind(cache);
    vi.spyOn(cache, "verify").mockImplementationOnce((oid) => {
      rewrite("two");
      return verify(oid);
    });
    expect(await upload(cache, remote, wantDir(dir))).toMatchObject({ transferred: 3, failed: [], missing: [] });
    expect(await remote.exists([dir, ...files])).toEqual(new Set([dir, ...files]));
  });

  it("pushes a folder, has nothing to do the second time, and fetches it into an empty cache", async () => {
    const { remote } = make();
    const { dir, files } = putFolder(cache, ["one", "two", "three"]);
    const first = await upload(cache, remote, wantDir(dir));
    expect(first).toEqual({ transferred: 4, bytes: 11 + statSync(cache.pathOf(dir)).size, failed: [], missing: [] });
    expect((await upload(cache, remote, wantDir(dir))).transferred).toBe(0);
    expect(await status(cache, remote, wantDir(dir))).toMatchObject({ new: [], deleted: [], missing: [] });

    const other = new ObjectDb(join(folder, "other"), { layout: "3.x" });
    expect([...(await status(other, remote, wantDir(dir))).deleted].sort()).toEqual([dir, ...files].sort());
    expect((await fetch(other, remote, wantDir(dir))).transferred).toBe(4);
    expect(readFileSync(other.pathOf(files[2] as string), "utf8")).toBe("three");
    expect(statSync(other.pathOf(files[2] as string)).mode & 0o777).toBe(0o444);
    expect((await fetch(other, remote, wantDir(dir))).transferred).toBe(0);
  });

  it("looks for each file though the manifest is there, and sends a missing one again", async () => {
    const { remote, edit } = make();
    const { dir, files } = putFolder(cache, ["one", "two"]);
    await upload(cache, remote, wantDir(dir));
    edit(files[0] as string, undefined);
    expect((await status(cache, remote, wantDir(dir))).new).toEqual([files[0]]);
    expect((await upload(cache, remote, wantDir(dir))).transferred).toBe(1);
    expect(await remote.exists(files)).toEqual(new Set(files));
  });

  it("keeps a manifest back while one of its files is nowhere", async () => {
    const { remote } = make();
    const { dir, files } = putFolder(cache, ["one", "two"]);
    cache.remove(files[1] as string);
    const result = await upload(cache, remote, wantDir(dir));
    expect(result).toMatchObject({ transferred: 1, missing: [files[1]], failed: [] });
    expect(await remote.exists([dir])).toEqual(new Set());
  });

  it("never sends a damaged object of the cache, nor the manifest that names it", async () => {
    const { remote } = make();
    const { dir, files } = putFolder(cache, ["one", "two"]);
    const bad = cache.pathOf(files[0] as string);
    chmodSync(bad, 0o644);
    writeFileSync(bad, "bad");
    chmodSync(bad, 0o444);
    const result = await upload(cache, remote, wantDir(dir));
    expect(result.failed.map((one) => one.oid)).toEqual([files[0], dir]);
    expect(result.failed[0]?.error).toBeInstanceOf(CorruptObjectError);
    expect(await remote.exists([dir, ...files])).toEqual(new Set([files[1]]));
    expect(cache.exists([files[0] as string]).size).toBe(0);
  });

  it("reports a damaged object of the remote by name and does not keep it", async () => {
    const { remote, edit } = make();
    const { dir, files } = putFolder(cache, ["one", "two"]);
    await upload(cache, remote, wantDir(dir));
    edit(files[0] as string, "bad");
    const other = new ObjectDb(join(folder, "other"), { layout: "3.x" });
    const result = await fetch(other, remote, wantDir(dir));
    expect(result.transferred).toBe(2);
    expect(result.failed).toHaveLength(1);
    expect(result.failed[0]?.error.message).toContain((files[0] as string).slice(2));
    expect(temporariesIn(other)).toEqual([]);
    expect(other.exists(files)).toEqual(new Set([files[1]]));
  });

  it("refuses a damaged manifest and writes nothing of it", async () => {
    const { remote, edit } = make();
    const { dir } = putFolder(cache, ["one"]);
    await upload(cache, remote, wantDir(dir));
    edit(dir, '[{"md5": "x", "relpath": "../evil"}]');
    const other = new ObjectDb(join(folder, "other"), { layout: "3.x" });
    const result = await fetch(other, remote, wantDir(dir));
    expect(result).toMatchObject({ transferred: 0, failed: [{ oid: dir }] });
    expect(other.exists([dir]).size).toBe(0);
  });

  it("names what is neither here nor there", async () => {
    const { remote } = make();
    const gone = "0123456789abcdef0123456789abcdef";
    const want = { files: new Set([gone]), dirs: new Set([`${gone}.dir`]) };
    expect([...(await fetch(cache, remote, want)).missing].sort()).toEqual([gone, `${gone}.dir`]);
    expect([...(await upload(cache, remote, want)).missing].sort()).toEqual([gone, `${gone}.dir`]);
    expect([...(await status(cache, remote, want)).missing].sort()).toEqual([gone, `${gone}.dir`]);
  });

  it("transfers only the listed files of a folder when asked", async () => {
    const { remote } = make();
    const { dir, files } = putFolder(cache, ["one", "two"]);
    const want = { files: new Set([files[0] as string]), dirs: new Set([dir]), onlyListed: true };
    // The manifest waits until all files are there: who finds it may rely on them.
    expect((await upload(cache, remote, want)).transferred).toBe(1);
    expect(await remote.exists([dir, ...files])).toEqual(new Set([files[0]]));
    await upload(cache, remote, wantDir(dir));
    const other = new ObjectDb(join(folder, "other"), { layout: "3.x" });
    expect((await fetch(other, remote, want)).transferred).toBe(2);
    expect(other.exists(files)).toEqual(new Set([files[0]]));
  });

  it("lists and removes objects, and leaves other files alone", async () => {
    const { remote, fs } = make();
    const { dir, files } = putFolder(cache, ["one", "two"]);
    await upload(cache, remote, wantDir(dir));
    const stray = `${remote.root}/aa/not-an-object`;
    await fs.write(stray, { bytes: Buffer.from("x") });
    const found: string[] = [];
    for await (const { oid, size } of remote.all()) {
      found.push(oid);
      if (oid === files[0]) expect(size).toBe(3);
    }
    expect(found.sort()).toEqual([dir, ...files].sort());
    await remote.remove([...files, "ffffffffffffffffffffffffffffffff"]);
    expect(await remote.exists([dir, ...files])).toEqual(new Set([dir]));
    expect(await fs.stat(stray)).toBeDefined();
  });

  it("finds many objects by listing", async () => {
    const { remote } = make();
    const { dir, files } = putFolder(
      cache,
      Array.from({ length: 1500 }, (_, i) => `file ${String(i)}`),
    );
    await upload(cache, remote, wantDir(dir));
    const absent = "00000000000000000000000000000000";
    expect(await remote.exists([...files, dir, absent])).toEqual(new Set([...files, dir]));
  });

  it("serves the layout of DVC 2.x", async () => {
    const { fs } = make();
    const root = fs.protocol === "local" ? join(folder, "remote") : "bucket/base";
    const remote = new RemoteDb(fs, root, { name: "r", layout: "legacy" });
    const legacy = new ObjectDb(join(folder, "legacy"), { layout: "legacy" });
    const oid = createHash("md5").update("a\nb\n").digest("hex");
    legacy.addBytes(oid, Buffer.from("a\r\nb\r\n"));
    expect((await upload(legacy, remote, { files: new Set([oid]), dirs: none })).transferred).toBe(1);
    expect(remote.pathOf(oid)).toBe(`${root}/${oid.slice(0, 2)}/${oid.slice(2)}`);
    const other = new ObjectDb(join(folder, "legacy2"), { layout: "legacy" });
    expect((await fetch(other, remote, { files: new Set([oid]), dirs: none })).transferred).toBe(1);
    expect(readFileSync(other.pathOf(oid), "utf8")).toBe("a\r\nb\r\n");
  });

  it.skipIf(process.platform !== "linux").each([
    ["fetched", (): RemoteDb => memoryRemote().remote],
    ["copied", (): RemoteDb => localRemote().remote],
  ])("names what is %s only when its bytes are on the disk", async (_how, makeRemote) => {
    const remote = makeRemote();
    const files = Array.from({ length: 60 }, (_, i) => put(cache, `object ${String(i)}`));
    await upload(cache, remote, { files: new Set(files), dirs: none });
    const fresh = new ObjectDb(join(folder, "fresh"), { layout: "3.x" });
    // A `sync` that notes which files were there when it was called.
    const bin = join(folder, "bin");
    mkdirSync(bin);
    const log = join(folder, "at-sync");
    writeFileSync(join(bin, "sync"), `#!/bin/sh\nfind '${fresh.root}' -type f >> '${log}'; echo end >> '${log}'\n`, {
      mode: 0o755,
    });
    vi.stubEnv("PATH", `${bin}:${process.env["PATH"] ?? ""}`);
    const result = await fetch(fresh, remote, { files: new Set(files), dirs: none });
    vi.unstubAllEnvs();

    expect(result.transferred).toBe(60);
    expect(fresh.exists(files).size).toBe(60);
    const atFirst = (readFileSync(log, "utf8").split("end\n")[0] as string).trim().split("\n");
    expect(atFirst).toHaveLength(60);
    expect(atFirst.every((path) => path.endsWith(".hftmp"))).toBe(true);
  });

  it("stops on an abort and leaves no temporary files", async () => {
    const { remote } = make();
    const { dir, files } = putFolder(
      cache,
      Array.from({ length: 600 }, (_, i) => `file ${String(i)}`),
    );
    const stop = new AbortController();
    const reporter = {
      emit: (event: { type: string }) => {
        if (event.type === "progress") stop.abort();
      },
    };
    await expect(upload(cache, remote, wantDir(dir), { signal: stop.signal, reporter })).rejects.toThrow(/abort/i);
    const there = await remote.exists([dir, ...files]);
    expect(there.has(dir)).toBe(false);
    expect(there.size).toBeLessThan(600);
    if (remote.fs.protocol === "local") {
      const names = readdirSync(remote.root, { recursive: true }).map(String);
      expect(names.filter((name) => name.includes("tmp"))).toEqual([]);
    }
  });
});

describe("a storage that fails", () => {
  class Failing extends MemoryFileSystem {
    calls = 0;
    readonly failure: () => Error;
    constructor(failure: () => Error) {
      super();
      this.failure = failure;
    }
    override write(_path: string, _source: Source, _options?: WriteOptions): Promise<void> {
      this.calls++;
      return Promise.reject(this.failure());
    }
  }
  const many = (): { dir: string; files: string[] } =>
    putFolder(
      cache,
      Array.from({ length: 100 }, (_, i) => `file ${String(i)}`),
    );
  const broken = (code: "auth" | "storage"): StorageError =>
    new StorageError("no", { protocol: "memory", path: "x", code });

  it("ends at the first refusal of the credentials", async () => {
    const fs = new Failing(() => broken("auth"));
    const remote = new RemoteDb(fs, "b", { name: "r", layout: "3.x", jobs: 1 });
    await expect(upload(cache, remote, wantDir(many().dir))).rejects.toThrow("no");
    expect(fs.calls).toBe(1);
  });

  it("gives up after ten failures in a row instead of trying a thousand objects", async () => {
    const fs = new Failing(() => broken("storage"));
    const remote = new RemoteDb(fs, "b", { name: "r", layout: "3.x", jobs: 1 });
    await expect(upload(cache, remote, wantDir(many().dir))).rejects.toThrow("no");
    expect(fs.calls).toBe(10);
  });

  it("collects single failures and sends the rest", async () => {
    const { dir, files } = putFolder(cache, ["one", "two", "three"]);
    class OneBad extends MemoryFileSystem {
      override write(path: string, source: Source, options?: WriteOptions): Promise<void> {
        if (path.endsWith((files[1] as string).slice(2))) return Promise.reject(broken("storage"));
        return super.write(path, source, options);
      }
    }
    const remote = new RemoteDb(new OneBad(), "b", { name: "r", layout: "3.x" });
    const result = await upload(cache, remote, wantDir(dir));
    expect(result.transferred).toBe(2);
    expect(result.failed.map((one) => one.oid)).toEqual([files[1], dir]);
  });
});

it("holds no more than 32 MiB of what it sends, however many are sent at once", async () => {
  const { fs, remote } = memoryRemote();
  const files = Array.from({ length: 16 }, (_, nth) => put(cache, String.fromCharCode(97 + nth).repeat(5 << 20)));
  let held = 0;
  let most = 0;
  const write = fs.write.bind(fs);
  vi.spyOn(fs, "write").mockImplementation(async (path, source, options) => {
    const size = "bytes" in source ? source.bytes.length : 0;
    held += size;
    most = Math.max(most, held);
    await new Promise(setImmediate);
    await write(path, source, options);
    held -= size;
  });
  const wanted = { files: new Set(files), dirs: none };
  await upload(cache, remote, wanted, { jobs: 16 });
  expect(most).toBe(6 * (5 << 20));
  for (const oid of files)
    expect(
      createHash("md5")
        .update(fs.files.get(remote.pathOf(oid)) ?? "")
        .digest("hex"),
    ).toBe(oid);
});

describe("what a remote holds", () => {
  it("looks for the legacy layout once, not in each folder that might be", async () => {
    const fs = new MemoryFileSystem();
    const text = Buffer.from("x");
    const oid = createHash("md5").update(text).digest("hex");
    for (const path of [`root/files/md5/${oid.slice(0, 2)}/${oid.slice(2)}`, "root/data.csv", "root/zz/1"])
      await fs.write(path, { bytes: text });
    const listed = vi.spyOn(fs, "list");
    const asked = vi.spyOn(fs, "children").mockImplementation(async function* (path) {
      await Promise.resolve();
      const names = new Set([...fs.files.keys()].map((one) => one.slice(path.length + 1).split("/")[0] ?? ""));
      for (const name of names) yield { path: `${path}/${name}`, size: 0, type: "folder" };
    });
    const remote = new RemoteDb(fs, "root", { name: "r", layout: "legacy" });
    const all = async (): Promise<unknown[]> => {
      const found: unknown[] = [];
      for await (const one of remote.all()) found.push(one);
      return found;
    };
    expect(await all()).toEqual([]);
    expect(asked).toHaveBeenCalledTimes(1);
    expect(listed).not.toHaveBeenCalled();
    await fs.write(`root/${oid.slice(0, 2)}/${oid.slice(2)}`, { bytes: text });
    expect(await all()).toEqual([{ oid, size: 1 }]);
    for (let i = 0; i < 5000; i++) await fs.write(`root/other-${String(i)}`, { bytes: text });
    expect(await all()).toEqual([{ oid, size: 1 }]);
    expect(listed).toHaveBeenCalledTimes(1 + 256);
  });
});
