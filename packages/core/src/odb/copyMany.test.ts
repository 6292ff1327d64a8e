import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CorruptObjectError } from "../base/errors.ts";
import { LocalFileSystem } from "../fs/local.ts";
import { CopyLoop } from "./copyLoop.ts";
import { copyMany, type CopyMany } from "./copyMany.ts";
import { copyShareOf, CopyState } from "./copyShare.ts";
import { temporariesIn } from "../../../../tests/support/temporaries.ts";
import { ObjectDb } from "./objectDb.ts";
import { RemoteDb } from "./remoteDb.ts";
import { OidColumn } from "./oidColumn.ts";
import { fetch, upload } from "./transfer.ts";
import { Tree } from "./tree.ts";

let folder: string;
let from: string;
let to: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hf-many-"));
  from = join(folder, "from", "files", "md5");
  to = join(folder, "to", "files", "md5");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const md5 = (bytes: string | Buffer): string => createHash("md5").update(bytes).digest("hex");
const pathIn = (root: string, oid: string): string => `${root}/${oid.slice(0, 2)}/${oid.slice(2)}`;

function put(bytes: string | Buffer, oid = md5(bytes)): string {
  const path = pathIn(from, oid);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes, { mode: 0o444 });
  return oid;
}

function putMany(count: number): string[] {
  return Array.from({ length: count }, (_, i) => put(`object ${String(i)}`));
}

/** Everything in the target that is no folder, relative to it. */
const stored = (): string[] =>
  readdirSync(to, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(to.length + 1)
        .replace("/", ""),
    )
    .sort();

const job = (oids: readonly string[], more: Partial<CopyMany> = {}): CopyMany => ({
  from,
  to,
  oids: OidColumn.of(oids, oids.length),
  dirMode: undefined,
  signal: undefined,
  onObjects: () => undefined,
  ...more,
});

describe("copyMany", () => {
  it("copies small objects, read-only, and counts them", async () => {
    const oids = putMany(300);
    oids.push(put(""), put(Buffer.alloc(65535, 7)));
    let count = 0;
    let bytes = 0;
    const result = await copyMany(
      job(oids, {
        onObjects: (more, moreBytes) => {
          count += more;
          bytes += moreBytes;
        },
      }),
    );
    expect(result?.left).toEqual([]);
    expect(stored()).toEqual([...oids].sort());
    for (const oid of oids) {
      expect(md5(readFileSync(pathIn(to, oid)))).toBe(oid);
      expect(statSync(pathIn(to, oid)).mode & 0o7777).toBe(0o444);
    }
    expect([count, bytes]).toEqual([oids.length, result?.copied.bytes]);
  });

  it("leaves what is missing, damaged, large or no file, and stores nothing of it", async () => {
    const good = putMany(40);
    const wrong = put("other bytes", md5("right bytes"));
    const cut = put("object", md5("object that was cut"));
    const large = put(Buffer.alloc(65536, 1));
    const missing = md5("nowhere");
    const odd = md5("a folder");
    mkdirSync(pathIn(from, odd), { recursive: true });
    const bad = [wrong, cut, large, missing, odd];
    const result = await copyMany(job([...bad.slice(0, 2), ...good, ...bad.slice(2)]));
    expect([...(result?.left ?? [])].sort()).toEqual([...bad].sort());
    expect(stored()).toEqual([...good].sort());
  });

  it.skipIf(process.platform === "win32")(
    "waits for no pipe in place of an object, and copies no device without end",
    async () => {
      const good = putMany(50);
      const [pipe = "", endless = ""] = ["pipe", "endless"].map(md5);
      for (const oid of [pipe, endless]) mkdirSync(dirname(pathIn(from, oid)), { recursive: true });
      execFileSync("mkfifo", [pathIn(from, pipe)]);
      symlinkSync("/dev/zero", pathIn(from, endless));
      const result = await copyMany(job([pipe, ...good, endless]));
      expect([...(result?.left ?? [])].sort()).toEqual([pipe, endless].sort());
      expect(stored()).toEqual([...good].sort());
    },
  );

  it("uses the folder mode of a shared cache, whatever the umask", async () => {
    const oids = putMany(10);
    await copyMany(job(oids, { dirMode: 0o2775 }));
    for (const oid of oids) expect(statSync(dirname(pathIn(to, oid))).mode & 0o7777).toBe(0o2775);
  });

  it("ends on abort with its staging cleared, and a second run does the rest", async () => {
    const oids = putMany(4000);
    const abort = new AbortController();
    const running = copyMany(job(oids, { signal: abort.signal }));
    setImmediate(() => {
      abort.abort(new Error("stop"));
    });
    await expect(running).rejects.toThrow("stop");
    const there = stored();
    expect(there.length).toBeLessThan(oids.length);
    for (const oid of there) expect(md5(readFileSync(pathIn(to, oid)))).toBe(oid);
    const rest = oids.filter((oid) => !there.includes(oid));
    expect((await copyMany(job(rest)))?.copied.count).toBe(rest.length);
    expect(stored()).toEqual([...oids].sort());
  }, 30_000);

  it("cleans staging that a killed run left, once it is idle", async () => {
    const dead = join(to, ".in.999999999-abc.hftmp");
    mkdirSync(dead, { recursive: true });
    writeFileSync(join(dead, "0"), "half");
    const fresh = join(to, ".in.999999998-abc.hftmp");
    mkdirSync(fresh);
    const before = Date.now() / 1000 - 7200;
    for (const path of [join(dead, "0"), dead]) utimesSync(path, before, before);
    await copyMany(job(putMany(3)));
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(fresh)).toBe(true);
  });

  it("adds to folders of objects that are there already, and makes the others", async () => {
    const oids = putMany(600);
    const there = oids.filter((oid) => oid < "8").slice(0, 40);
    await copyMany(job(there));
    const folders = readdirSync(to).sort();
    const rest = oids.filter((oid) => !there.includes(oid));
    const result = await copyMany(job(rest));
    expect(result?.copied.count).toBe(rest.length);
    expect(stored()).toEqual([...oids].sort());
    expect(readdirSync(to).length).toBeGreaterThan(folders.length);
  });

  it("a folder that another process makes meanwhile gets the objects one by one", async () => {
    const oids = putMany(600);
    const other = put("of the other process", `${(oids[0] as string).slice(0, 2)}${"0".repeat(30)}`);
    const running = copyMany(job(oids));
    mkdirSync(dirname(pathIn(to, other)), { recursive: true });
    writeFileSync(pathIn(to, other), "theirs");
    expect((await running)?.left).toEqual([]);
    expect(stored()).toEqual([...oids, other].sort());
  });

  it("names a folder some of whose objects are left", async () => {
    const oids = putMany(600);
    const bad = oids.map((oid) => put("wrong", `${oid.slice(0, 31)}${oid.endsWith("0") ? "1" : "0"}`));
    const result = await copyMany(job([...oids, ...bad]));
    expect(result?.left.toSorted()).toEqual(bad.toSorted());
    expect(stored()).toEqual([...oids].sort());
  });

  it("is refused, not failed, where nothing can be staged", async () => {
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, "no folder");
    expect(await copyMany(job(putMany(3)))).toBeUndefined();
  });
});

describe("CopyLoop", () => {
  it("shares the work: two threads stage every object once", () => {
    const oids = putMany(500);
    const staging = ["0", "1"].map((name) => join(folder, name));
    for (const path of staging) mkdirSync(path);
    const share = copyShareOf(from, OidColumn.of(oids, oids.length), staging);
    const loops = [new CopyLoop(share, 0), new CopyLoop(share, 1)] as const;
    while (loops[0].step() && loops[1].step());
    while (loops[0].step() || loops[1].step());
    const names = staging.map((path) => readdirSync(path));
    expect(names.every((list) => list.length > 0)).toBe(true);
    expect(names.flat()).toHaveLength(500);
    expect([...share.states].every((state, i) => names[state - CopyState.staged]?.includes(String(i)))).toBe(true);
  });

  it("two threads write whole folders under the objects' names, each once", () => {
    const oids = putMany(500).sort();
    const fresh = join(folder, "fresh");
    const shards = [...new Set(oids.map((oid) => oid.slice(0, 2)))];
    for (const shard of shards) mkdirSync(join(fresh, shard), { recursive: true });
    const share = copyShareOf(from, OidColumn.of(oids, oids.length), [], { folder: fresh, shards });
    const loops = [new CopyLoop(share, 0), new CopyLoop(share, 1)] as const;
    while (loops[0].step() && loops[1].step());
    while (loops[0].step() || loops[1].step());
    expect([...share.states].every((state) => state === CopyState.fresh)).toBe(true);
    for (const oid of oids) expect(md5(readFileSync(pathIn(fresh, oid)))).toBe(oid);
  });

  it("stops all threads when it cannot write, and leaves the objects to the careful way", () => {
    const oids = putMany(200);
    const share = copyShareOf(from, OidColumn.of(oids, oids.length), [join(folder, "gone"), join(folder, "gone")]);
    const loop = new CopyLoop(share, 1);
    while (loop.step());
    expect(share.control[1]).toBe(1);
    expect([...share.states].some((state) => state >= CopyState.staged)).toBe(false);
  });
});

describe("transfer of many objects between folders", () => {
  const COUNT = 2200;
  let cache: ObjectDb;
  let remote: RemoteDb;
  let tree: Tree;
  const none: ReadonlySet<string> = new Set();

  beforeEach(() => {
    cache = new ObjectDb(join(folder, "from"), { layout: "3.x" });
    remote = new RemoteDb(new LocalFileSystem(), join(folder, "to"), { name: "r", layout: "3.x" });
    const oids = putMany(COUNT);
    tree = Tree.from(oids.map((oid, i) => ({ relpath: `f${String(i)}`, md5: oid })));
    cache.addTree(tree);
  });

  it("push: names a damaged object of the cache, keeps the manifest back, sends the rest; a second run finishes", async () => {
    const damaged = tree.entries[7]?.md5 as string;
    const path = pathIn(from, damaged);
    const right = readFileSync(path);
    chmodSync(path, 0o644);
    writeFileSync(path, "other");
    chmodSync(path, 0o444);
    const want = { files: none, dirs: new Set([tree.oid]) };
    const first = await upload(cache, remote, want);
    expect(first.transferred).toBe(COUNT - 1);
    expect(first.failed.map(({ oid }) => oid)).toEqual([damaged, tree.oid]);
    expect(first.failed[0]?.error).toBeInstanceOf(CorruptObjectError);
    expect(existsSync(remote.pathOf(tree.oid))).toBe(false);
    expect(existsSync(path)).toBe(false);
    put(right);
    expect(await upload(cache, remote, want)).toMatchObject({ transferred: 2, failed: [], missing: [] });
    expect(stored()).toHaveLength(COUNT + 1);
  });

  it("fetch: names damaged, missing and unreadable objects of the remote and keeps none of them", async () => {
    const want = { files: none, dirs: new Set([tree.oid]) };
    await upload(cache, remote, want);
    const [damaged, missing, odd] = [3, 1100, 2199].map((i) => tree.entries[i]?.md5 as string) as [
      string,
      string,
      string,
    ];
    for (const oid of [damaged, missing, odd]) rmSync(remote.pathOf(oid));
    writeFileSync(remote.pathOf(damaged), "wrong bytes");
    mkdirSync(remote.pathOf(odd));
    const other = new ObjectDb(join(folder, "other"), { layout: "3.x" });
    const got = await fetch(other, remote, want);
    expect(got.missing).toEqual([missing]);
    expect(got.failed.map(({ oid }) => oid).sort()).toEqual([damaged, odd].sort());
    expect(got.failed.find(({ oid }) => oid === damaged)?.error).toBeInstanceOf(CorruptObjectError);
    expect(got.transferred).toBe(COUNT - 3 + 1);
    expect([...other.names()]).toHaveLength(COUNT - 3 + 1);
    expect(temporariesIn(other)).toEqual([]);
    expect(other.isFresh(tree.entries[0]?.md5 as string)).toBe(true);
    for (const oid of [damaged, missing, odd]) expect(other.isFresh(oid)).toBe(false);
  });
});
