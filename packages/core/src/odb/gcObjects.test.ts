import { existsSync, readdirSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { md5Bytes } from "../hash/md5.ts";
import { gcObjects } from "./gcObjects.ts";
import { ObjectDb } from "./objectDb.ts";
import { Tree } from "./tree.ts";
import { temporaryFolder } from "../../../../tests/support/temporaryFolder.ts";

let cache: ObjectDb;
let oids: string[];

beforeEach(() => {
  cache = new ObjectDb(temporaryFolder("gc-"), { layout: "3.x" });
  oids = ["a", "bb", "ccc"].map((text) => {
    const oid = md5Bytes(Buffer.from(text));
    cache.addBytes(oid, Buffer.from(text));
    return oid;
  });
});

const left = (): string[] => [...cache.names()].sort();

describe("gcObjects", () => {
  it("removes what is not used, manifests first, and counts", async () => {
    const tree = Tree.from([{ relpath: "x", md5: oids[1] as string }]);
    cache.addTree(tree);
    const gone: string[] = [];
    const used = new Set([oids[0] as string]);
    const expected = { objects: 3, bytes: 5 + tree.serialize().length };
    const dry = await gcObjects(cache, used, { dry: true, onRemove: (path) => gone.push(path) });
    expect(dry).toEqual(expected);
    expect(left()).toHaveLength(4);
    expect(gone[0]).toBe(cache.pathOf(tree.oid));
    expect(await gcObjects(cache, used)).toEqual(expected);
    expect(left()).toEqual([oids[0]]);
    expect(readdirSync(cache.folder)).toHaveLength(1);
  });

  it("removes nothing when a folder cannot be listed", async () => {
    symlinkSync("ff", join(cache.folder, "ff"));
    await expect(gcObjects(cache, new Set())).rejects.toThrow("ELOOP");
    unlinkSync(join(cache.folder, "ff"));
    expect(left()).toEqual([...oids].sort());
  });

  it("stops between objects on abort", async () => {
    const abort = new AbortController();
    const onRemove = (): void => {
      abort.abort(new Error("stop"));
    };
    await expect(gcObjects(cache, new Set(), { signal: abort.signal, onRemove })).rejects.toThrow("stop");
    expect(left()).toHaveLength(2);
  });

  it("cleans leftovers of ended runs once they are idle, and what is no object at once", async () => {
    const folder = dirname(cache.pathOf(oids[0] as string));
    const make = (name: string, minutes: number): string => {
      const path = join(folder, name);
      writeFileSync(path, "half");
      const at = Date.now() / 1000 - minutes * 60;
      utimesSync(path, at, at);
      return path;
    };
    const dead = make(".x.999999999-abc.hftmp", 0);
    const alive = make(`.x.${String(process.pid)}-abc.hftmp`, 0);
    const stranger = make("note.tmp", 100_000);
    const used = new Set(oids);
    await gcObjects(cache, used);
    expect(existsSync(dead)).toBe(true);
    // As DVC: whatever lies among the objects and is none goes with the unused ones.
    expect(existsSync(stranger)).toBe(false);
    await gcObjects(cache, used, { now: Date.now() + 11 * 60_000 });
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(alive)).toBe(true);
    await gcObjects(cache, used, { now: Date.now() + 25 * 3_600_000 });
    expect(existsSync(alive)).toBe(false);
    expect(left()).toEqual([...oids].sort());
  });
});
