import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Event } from "../base/events.ts";
import { contentOf } from "../odb/cacheContent.ts";
import { ObjectDb } from "../odb/objectDb.ts";
import { memoryState } from "../odb/state.ts";
import type { BuildOptions, Built } from "./build.ts";
import { build } from "./build.ts";

let folder = "";
let data = "";
let store: ObjectDb;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-build-"));
  data = join(folder, "d");
  store = new ObjectDb(join(folder, "cache"), { layout: "3.x" });
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const md5 = (bytes: string | Uint8Array): string => createHash("md5").update(bytes).digest("hex");

function put(files: Record<string, string | Uint8Array>): void {
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(data, name)), { recursive: true });
    writeFileSync(join(data, name), bytes);
  }
}

const paths = (built: Built): string[] => built.tree?.entries.map((entry) => entry.relpath) ?? [];
const leftovers = (): string[] => readdirSync(store.folder).filter((name) => name.length !== 2);

describe("build", () => {
  it("stores files whose time is before 1970, or far ahead", async () => {
    put({ a: "a\n", b: "b\n", c: "c\n", "sub/d": "d\n" });
    utimesSync(join(data, "a"), -1e9, -1e9);
    utimesSync(join(data, "b"), -0.5, -0.5);
    utimesSync(join(data, "c"), 4e9, 4e9);
    const state = memoryState();
    const built = await build(data, { store, state });
    expect(paths(built)).toEqual(["a", "b", "c", "sub/d"]);
    expect((await build(data, { state })).hash).toEqual(built.hash);
    writeFileSync(join(data, "a"), "e\n");
    utimesSync(join(data, "a"), -1e9, -1e9);
    expect((await build(data, { state })).hash).not.toEqual(built.hash);
  });

  it("hashes a folder as DVC does", async () => {
    // Recorded from DVC 3.67.1: a linked file is followed, a linked folder left out.
    put({ a: "a\n", "sub/c": "c\n" });
    mkdirSync(join(folder, "other"));
    symlinkSync("../other", join(data, "lnk"));
    symlinkSync("a", join(data, "la"));
    const built = await build(data, { store });
    expect(built.hash).toEqual({ name: "md5", value: "46f2fc8bf2a04ac6a878e21128549d2f.dir" });
    expect(built.meta).toEqual({ size: 6, nfiles: 3 });
  });

  it("stores each content once, read-only, with the manifest, and leaves nothing else", async () => {
    const large = Buffer.alloc(200_000, "large");
    put({ a: "one", b: "one", "c/d": "two", e: "", large, edge: Buffer.alloc(65_536, 1) });
    const built = await build(data, { store });
    for (const { relpath, md5: oid } of built.tree?.entries ?? []) {
      const bytes = readFileSync(join(data, relpath));
      expect(oid).toBe(md5(bytes));
      expect(readFileSync(store.pathOf(oid)).equals(bytes)).toBe(true);
      expect(statSync(store.pathOf(oid)).mode & 0o7777).toBe(0o444);
    }
    expect([...contentOf(store)]).toHaveLength(6);
    expect(store.readTree(built.hash.value)?.oid).toBe(built.hash.value);
    expect(leftovers()).toEqual([]);
  });

  it("gives the whole tree in code point order of the paths", async () => {
    put({ "a/x": "", "a-b": "", "a.b/y": "", a0: "", é: "", "\uffee": "", "\u{1f600}": "", "a b/z/w": "" });
    const built = await build(data);
    expect(paths(built)).toEqual(["a b/z/w", "a-b", "a.b/y", "a/x", "a0", "é", "\uffee", "\u{1f600}"]);
  });

  it("handles many files of every size, without a store too", async () => {
    const files: Record<string, Buffer> = {};
    for (let i = 0; i < 400; i++)
      files[`f${String(i % 7)}/${String(i)}`] = Buffer.alloc((i * 977) % 150_000, String(i));
    put(files);
    const hashed = await build(data);
    for (const entry of hashed.tree?.entries ?? []) expect(entry.md5).toBe(md5(files[entry.relpath] ?? "missing"));
    expect((await build(data, { store })).hash).toEqual(hashed.hash);
    expect([...store.names()].length).toBe(new Set(hashed.tree?.entries.map((entry) => entry.md5)).size + 1);
  });

  it("does not read again what the state knows, but notices an edit", async () => {
    put({ a: "one", b: "two" });
    await expect.poll(() => Date.now() - statSync(join(data, "b")).ctimeMs).toBeGreaterThan(30);
    const state = memoryState();
    const first = await build(data, { state, store });
    if (process.getuid?.() !== 0) chmodSync(join(data, "a"), 0);
    const read: number[] = [];
    const reporter = { emit: (event: Event) => event.type === "start" && read.push(event.items ?? -1) };
    expect((await build(data, { state, store, reporter })).hash).toEqual(first.hash);
    expect(read).toEqual([]);
    writeFileSync(join(data, "b"), "TWO");
    const second = await build(data, { state, store, reporter });
    expect(read).toEqual([1]);
    expect(second.tree?.get("b")?.md5).toBe(md5("TWO"));
  });

  it("stores again what the state knows but the cache lacks", async () => {
    put({ a: "one" });
    await expect.poll(() => Date.now() - statSync(join(data, "a")).ctimeMs).toBeGreaterThan(30);
    const state = memoryState();
    await build(data, { state });
    await build(data, { state, store });
    expect(readFileSync(store.pathOf(md5("one")), "utf8")).toBe("one");
  });

  it("repairs a damaged object", async () => {
    put({ a: "one" });
    await build(data, { store });
    const object = store.pathOf(md5("one"));
    chmodSync(object, 0o644);
    writeFileSync(object, "bad");
    await build(data, { store });
    expect(readFileSync(object, "utf8")).toBe("one");
  });

  it("hashes only a part", async () => {
    put({ "a/b/1": "1", "a/b/2": "2", "a/c": "3", d: "4" });
    expect(paths(await build(data, { within: "a/b" }))).toEqual(["a/b/1", "a/b/2"]);
    expect(paths(await build(data, { within: "d" }))).toEqual(["d"]);
    expect(paths(await build(data, { within: "gone" }))).toEqual([]);
  });

  it("leaves out what is ignored", async () => {
    put({ "keep/a": "1", "skip/b": "2", "c.tmp": "3" });
    const ignore: NonNullable<BuildOptions["ignore"]> = {
      dir: (path) => path === join(data, "skip"),
      file: (path) => path.endsWith(".tmp"),
    };
    expect(paths(await build(data, { ignore }))).toEqual(["keep/a"]);
  });

  it("hashes one file, with its execute bit", async () => {
    put({ run: "#!/bin/sh\n" });
    chmodSync(join(data, "run"), 0o755);
    const built = await build(join(data, "run"), { store });
    expect(built).toEqual({
      hash: { name: "md5", value: md5("#!/bin/sh\n") },
      meta: { size: 10, isexec: true },
      hasLinks: false,
    });
  });

  it("hashes by the 2.x rule when asked", async () => {
    put({ a: "x\r\n" });
    const legacy = new ObjectDb(join(folder, "old"), { layout: "legacy" });
    const built = await build(data, { hashName: "md5-dos2unix", store: legacy });
    expect(built.tree?.get("a")?.md5).toBe(md5("x\n"));
    expect(readFileSync(legacy.pathOf(md5("x\n")), "utf8")).toBe("x\r\n");
  });

  it("says what is wrong, in DVC's words", async () => {
    await expect(build(join(folder, "nope"))).rejects.toThrow(
      `[Errno 2] No such file or directory: '${join(folder, "nope")}'`,
    );
    put({ a: "1" });
    symlinkSync("nowhere", join(data, "b"));
    await expect(build(data)).rejects.toThrow(`[Errno 2] No such file or directory: '${join(data, "b")}'`);
    rmSync(join(data, "b"));
    put({ "s/.dvcignore": "" });
    await expect(build(data)).rejects.toThrow(
      `.dvcignore file should not be in collected dir path: '${join(data, "s")}'`,
    );
  });

  it.runIf(process.platform === "linux")("refuses pipes and names that are not UTF-8", async () => {
    put({ a: "1" });
    execFileSync("mkfifo", [join(data, "p")]);
    await expect(build(data)).rejects.toThrow(/pipe/);
    rmSync(join(data, "p"));
    writeFileSync(Buffer.concat([Buffer.from(`${data}/`), Buffer.from([0x66, 0xff])]), "x");
    await expect(build(data)).rejects.toThrow(/'f\\xff' .* is not valid UTF-8/);
  });

  it("stops when aborted and leaves nothing half done", async () => {
    put(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [String(i), Buffer.alloc(300_000, String(i))])));
    const abort = new AbortController();
    const reporter = {
      emit: (event: Event) => {
        if (event.type === "progress") abort.abort();
      },
    };
    const slow = build(data, { store, signal: abort.signal, reporter });
    abort.abort();
    await slow.then(
      () => undefined,
      (error: unknown) => expect(String(error)).toMatch(/abort/i),
    );
    for (const { oid, path } of contentOf(store)) expect(md5(readFileSync(path))).toBe(oid.slice(0, 32));
    expect(existsSync(store.folder) ? leftovers() : []).toEqual([]);
    await expect(build(data, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  it("reads a file again that is edited between the look at it and the reading", async () => {
    put({ a: "one", b: "two" });
    const reporter = {
      emit: (event: Event) => {
        if (event.type === "start") writeFileSync(join(data, "b"), "edited");
      },
    };
    const state = memoryState();
    const built = await build(data, { store, reporter, state });
    expect(built.tree?.get("b")).toEqual({ relpath: "b", md5: md5("edited"), size: 6 });
    expect(built.meta.size).toBe(9);
    expect(readFileSync(store.pathOf(md5("edited")), "utf8")).toBe("edited");
    expect(store.exists([md5("two")]).size).toBe(0);
  });

  it("clears what a killed run left", async () => {
    put({ a: "1", b: "1b", c: "1c" });
    const dead = join(store.folder, ".in.999999999-abc.hftmp");
    mkdirSync(dead, { recursive: true });
    writeFileSync(join(dead, "0"), "half");
    await build(data, { store });
    expect(leftovers()).toHaveLength(1); // Perhaps another machine's, at work now.
    for (const path of [join(dead, "0"), dead]) utimesSync(path, 1, 1);
    put({ a: "2", b: "2b", c: "2c" });
    await build(data, { store });
    expect(leftovers()).toEqual([]);
  });
});
