import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { md5Bytes } from "../../packages/core/src/hash/md5.ts";
import { temporariesIn } from "../support/temporaries.ts";
import { ObjectDb } from "../../packages/core/src/odb/objectDb.ts";
import { gcObjects } from "../../packages/core/src/odb/gcObjects.ts";
import { Tree } from "../../packages/core/src/odb/tree.ts";
import { bundleChild, runChild } from "../support/killable.ts";

let program: string;
let root: string;
let cache: ObjectDb;

beforeAll(() => {
  program = bundleChild("tests/faults/victim.ts");
});

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kill-"));
  mkdirSync(join(root, ".dvc/tmp"), { recursive: true });
  cache = new ObjectDb(join(root, ".dvc/cache"), { layout: "3.x" });
});

function storeTree(files: Record<string, string>): string {
  const entries = Object.entries(files).map(([relpath, text]) => {
    const md5 = md5Bytes(Buffer.from(text));
    cache.addBytes(md5, Buffer.from(text));
    return { relpath, md5 };
  });
  const tree = Tree.from(entries);
  cache.addTree(tree);
  return tree.oid;
}

function read(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(join(root, "data"), { recursive: true, withFileTypes: true }))
    if (!entry.isDirectory()) {
      const path = join(entry.parentPath, entry.name);
      found[path.slice(join(root, "data").length + 1)] = readFileSync(path, "utf8");
    }
  return found;
}

const litter = (): string[] =>
  [...readdirSync(root), ...readdirSync(join(root, ".dvc/tmp"))].filter((name) => name.endsWith(".hftmp"));

const before = { same: "same", edit: "old", "sub/gone": "gone", wasFile: "file", "wasFolder/x": "X" };
const after = { same: "same", edit: "new", "new/a": "A", "new/b": "B", "wasFile/deep": "D", wasFolder: "now a file" };

describe.each(["copy", "hardlink", "symlink"])("checkout, killed (%s)", (type) => {
  it("leaves each file old or new, and a second run finishes", () => {
    const old = storeTree(before);
    const wanted = storeTree(after);
    const points = ["staged", "built", ...[1, 2, 4, 6].map((nth) => `swapping ${String(nth)}`), "swapped"];
    let kills = 0;
    for (const point of points) {
      rmSync(join(root, "data"), { recursive: true, force: true });
      expect(runChild(program, root, ["checkout", old, "", "1", type])).toMatchObject({ status: 0 });
      expect(read()).toEqual(before);
      const [name = "", nth = "1"] = point.split(" ");
      if (runChild(program, root, ["checkout", wanted, name, nth, type]).killed) {
        kills++;
        for (const [path, text] of Object.entries(read()))
          expect([(before as Record<string, string>)[path], (after as Record<string, string>)[path]]).toContain(text);
      }
      const again = runChild(program, root, ["checkout", wanted, "", "1", type]);
      expect(again).toMatchObject({ status: 0, stderr: "" });
      expect(read()).toEqual(after);
      expect(litter()).toEqual([]);
    }
    expect(kills).toBe(points.length);
  });
});

describe.each(["addFile", "ingest"])("%s, killed between two blocks", (task) => {
  it("leaves no object, and a second run stores it", async () => {
    const bytes = Buffer.alloc(5_000_000, "block");
    const oid = md5Bytes(bytes);
    writeFileSync(join(root, "big"), bytes);
    expect(runChild(program, root, [task, oid, "block", "3"]).killed).toBe(true);
    expect([...cache.names()]).toEqual([]);
    expect(temporariesIn(cache)).toHaveLength(1);
    expect(runChild(program, root, [task, oid, "", "1"])).toMatchObject({ status: 0, stderr: "" });
    expect(readFileSync(cache.pathOf(oid)).equals(bytes)).toBe(true);
    expect(statSync(cache.pathOf(oid)).mode & 0o777).toBe(0o444);
    await gcObjects(cache, new Set([oid]), { now: Date.now() + 3_600_000 });
    expect(temporariesIn(cache)).toEqual([]);
    expect([...cache.names()]).toEqual([oid]);
  });
});
