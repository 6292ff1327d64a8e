import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Event } from "../base/events.ts";
import { md5Bytes } from "../hash/md5.ts";
import { contentOf } from "./cacheContent.ts";
import { temporariesIn } from "../../../../tests/support/temporaries.ts";
import { ObjectDb } from "./objectDb.ts";
import { quarantined } from "./quarantine.ts";
import { memoryState } from "./state.ts";
import { Tree } from "./tree.ts";
import { temporaryFolder } from "../../../../tests/support/temporaryFolder.ts";

let folder: string;
let db: ObjectDb;
let events: Event[];
const state = memoryState();
const reporter = { emit: (event: Event) => events.push(event) };
const foo = md5Bytes(Buffer.from("foo"));
const objects = (): string[] => [...db.names()].sort();

beforeEach(() => {
  folder = temporaryFolder("odb-");
  events = [];
  db = new ObjectDb(join(folder, "cache"), { layout: "3.x", reporter });
});

/** Writes over an object as a careless user would. */
function edit(path: string, text: string, mode = 0o444): void {
  chmodSync(path, 0o644);
  writeFileSync(path, text);
  chmodSync(path, mode);
}

describe("pathOf", () => {
  it("follows the layout and refuses what is not a hash", () => {
    expect(db.pathOf(foo)).toBe(join(folder, `cache/files/md5/${foo.slice(0, 2)}/${foo.slice(2)}`));
    expect(new ObjectDb("/c", { layout: "legacy" }).pathOf(`${foo}.dir`)).toBe(`/c/ac/${foo.slice(2)}.dir`);
    for (const bad of ["", "ab", `${foo}x`, `../${foo}`, foo.toUpperCase(), `${foo.slice(0, 30)}/..`])
      expect(() => db.pathOf(bad)).toThrow("not a valid object id");
  });
});

describe("adding", () => {
  it("stores bytes, files and trees read-only under their hash", () => {
    writeFileSync(join(folder, "bar"), "bar");
    const bar = md5Bytes(Buffer.from("bar"));
    const tree = Tree.from([{ relpath: "a/b", md5: foo }]);
    db.addBytes(foo, Buffer.from("foo"));
    db.addFile(join(folder, "bar"), bar);
    db.addTree(tree);
    db.flush();
    expect(objects()).toEqual([foo, bar, tree.oid].sort());
    for (const { path } of contentOf(db)) expect(statSync(path).mode & 0o7777).toBe(0o444);
    expect(readFileSync(join(folder, "bar"), "utf8")).toBe("bar");
    expect(db.readTree(tree.oid)?.entries).toEqual(tree.entries);
  });

  it("refuses bytes that do not have the hash, and leaves nothing", () => {
    writeFileSync(join(folder, "x"), "changed");
    expect(() => {
      db.addBytes(foo, Buffer.from("bar"));
    }).toThrow("does not have the hash");
    expect(() => {
      db.addFile(join(folder, "x"), foo);
    }).toThrow("does not have the hash");
    expect(readFileSync(join(folder, "x"), "utf8")).toBe("changed");
    expect(statSync(join(folder, "x")).mode & 0o222).not.toBe(0);
    expect(objects()).toEqual([]);
    expect(temporariesIn(db)).toEqual([]);
  });

  it("names what is stored file by file only after a flush, of equal ones one", () => {
    for (const name of ["x", "y"]) writeFileSync(join(folder, name), "foo");
    expect(db.ingest(join(folder, "x"))).toEqual({ md5: foo, size: 3 });
    db.addFile(join(folder, "y"), foo);
    expect(objects()).toEqual([]);
    expect(temporariesIn(db)).toHaveLength(1);
    db.flush();
    expect(objects()).toEqual([foo]);
    expect(temporariesIn(db)).toEqual([]);
  });

  it("never overwrites an object", () => {
    db.addBytes(foo, Buffer.from("foo"));
    const { ino } = statSync(db.pathOf(foo));
    db.addBytes(foo, Buffer.from("foo"));
    expect(statSync(db.pathOf(foo)).ino).toBe(ino);
  });

  it("hashes while it reads: ingest", () => {
    const big = Buffer.alloc(3_000_000, "ab");
    writeFileSync(join(folder, "big"), big);
    expect(db.ingest(join(folder, "big"))).toEqual({ md5: md5Bytes(big), size: big.length });
    db.flush();
    expect(objects()).toEqual([md5Bytes(big)]);
    expect(temporariesIn(db)).toEqual([]);
  });

  it("makes group folders in a shared cache", () => {
    db = new ObjectDb(join(folder, "shared"), { layout: "3.x", shared: "group" });
    db.addBytes(foo, Buffer.from("foo"));
    for (const at of ["shared", "shared/files", "shared/files/md5", `shared/files/md5/${foo.slice(0, 2)}`])
      expect(statSync(join(folder, at)).mode & 0o7777).toBe(0o2775);
  });
});

describe("trust", () => {
  it("trusts exactly 0444 and re-hashes anything else", () => {
    db.addBytes(foo, Buffer.from("foo"));
    chmodSync(db.pathOf(foo), 0o644);
    expect(db.check(foo)).toBe("ok");
    expect(statSync(db.pathOf(foo)).mode & 0o777).toBe(0o444);
    edit(db.pathOf(foo), "fooo", 0o644);
    expect(db.check(foo)).toBe("corrupt");
    expect(db.check(foo)).toBe("missing");
  });

  it("keeps a damaged object in the quarantine and names it", () => {
    db.addBytes(foo, Buffer.from("foo"));
    edit(db.pathOf(foo), "edited", 0o644);
    expect([...db.intact([foo])]).toEqual([]);
    const [kept] = quarantined(join(db.root, "quarantine"));
    expect(readFileSync(kept as string, "utf8")).toBe("edited");
    expect(events).toMatchObject([
      { type: "message", level: "warning", text: expect.stringContaining(kept as string) as string },
    ]);
    expect(objects()).toEqual([]);
  });

  it("replaces an edited read-only object when the right bytes come along", () => {
    db.addBytes(foo, Buffer.from("foo"));
    edit(db.pathOf(foo), "longer");
    db.addBytes(foo, Buffer.from("foo"));
    expect(readFileSync(db.pathOf(foo), "utf8")).toBe("foo");
    expect(quarantined(join(db.root, "quarantine"))).toHaveLength(1);
  });

  it("verify sees a same-size edit with mode and mtime put back", async () => {
    db = new ObjectDb(db.root, { layout: "3.x", state, reporter });
    db.addBytes(foo, Buffer.from("foo"));
    const before = statSync(db.pathOf(foo));
    await new Promise((resolve) => setTimeout(resolve, 30));
    // A look once it is settled is what makes the state know it.
    expect(db.verify(foo)).toBe(true);
    expect(db.knows(foo, db.pathOf(foo), lstatSync(db.pathOf(foo), { bigint: true }))).toBe(true);
    edit(db.pathOf(foo), "bar");
    utimesSync(db.pathOf(foo), before.atime, before.mtime);
    expect(db.check(foo)).toBe("ok");
    expect(db.verify(foo)).toBe(false);
    expect(quarantined(join(db.root, "quarantine"))).toHaveLength(1);
  });

  it("reads no manifest with other bytes", () => {
    const tree = Tree.from([{ relpath: "a", md5: foo }]);
    db.addTree(tree);
    edit(db.pathOf(tree.oid), "[]");
    expect(db.readTree(tree.oid)).toBeUndefined();
    expect(db.readTree(tree.oid)).toBeUndefined();
    expect(quarantined(join(db.root, "quarantine"))).toHaveLength(1);
  });

  it("checks legacy objects by the rule of 2.x", () => {
    const legacy = new ObjectDb(join(folder, "old"), { layout: "legacy" });
    const oid = md5Bytes(Buffer.from("a\nb\n"));
    mkdirSync(join(folder, "old", oid.slice(0, 2)), { recursive: true });
    writeFileSync(legacy.pathOf(oid), "a\r\nb\r\n");
    expect(legacy.check(oid)).toBe("ok");
    expect([...legacy.names()]).toEqual([oid]);
  });
});

describe("exists", () => {
  it("answers the same for few and many", () => {
    const oids = Array.from({ length: 2100 }, (_, i) => md5Bytes(Buffer.from(String(i))));
    for (let i = 0; i < 300; i++) db.addBytes(oids[i] as string, Buffer.from(String(i)), true);
    expect(db.exists(oids)).toEqual(new Set(oids.slice(0, 300)));
    expect(db.exists(oids.slice(290, 310))).toEqual(new Set(oids.slice(290, 300)));
    expect(readdirSync(db.folder).length).toBeGreaterThan(100);
    db.flush();
  });

  it("lists no strangers and fails when it cannot list", () => {
    db.addBytes(foo, Buffer.from("foo"));
    writeFileSync(join(db.folder, foo.slice(0, 2), "note.txt"), "");
    mkdirSync(join(db.folder, "zz"));
    expect(objects()).toEqual([foo]);
  });
});
