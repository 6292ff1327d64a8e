import type * as FileSystem from "node:fs";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { applyPlan, planCheckout } from "../../packages/core/src/data/checkout.ts";
import { writeFileAtomic } from "../../packages/core/src/fs/atomic.ts";
import { md5Bytes } from "../../packages/core/src/hash/md5.ts";
import { temporariesIn } from "../support/temporaries.ts";
import { ObjectDb } from "../../packages/core/src/odb/objectDb.ts";
import { memoryState } from "../../packages/core/src/odb/state.ts";
import { Tree } from "../../packages/core/src/odb/tree.ts";

const fs = createRequire(import.meta.url)("node:fs") as typeof FileSystem;
const writeSync = fs.writeSync;
const state = memoryState();

let root: string;
let cache: ObjectDb;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "full-"));
  mkdirSync(join(root, ".dvc/tmp"), { recursive: true });
  cache = new ObjectDb(join(root, ".dvc/cache"), { layout: "3.x", state, linkTypes: ["copy"] });
});

afterEach(() => {
  fs.writeSync = writeSync;
  syncBuiltinESMExports();
});

/** From the n-th write on the disk takes one byte less than asked, and then no more. */
function fillDisk(nth: number): void {
  let left = nth;
  const failing = (fd: number, bytes: Uint8Array, offset: number, length: number): number => {
    if (--left > 0) return writeSync(fd, bytes, offset, length);
    if (left === 0 && length > 1) return writeSync(fd, bytes, offset, length - 1);
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  };
  fs.writeSync = failing as typeof writeSync;
  syncBuiltinESMExports();
}

function freeDisk(): void {
  fs.writeSync = writeSync;
  syncBuiltinESMExports();
}

function storeTree(files: Record<string, string>): Tree {
  const entries = Object.entries(files).map(([relpath, text]) => ({ relpath, md5: md5Bytes(Buffer.from(text)), text }));
  for (const { md5, text } of entries) cache.addBytes(md5, Buffer.from(text));
  const tree = Tree.from(entries.map(({ relpath, md5 }) => ({ relpath, md5 })));
  cache.addTree(tree);
  return tree;
}

async function checkout(oid: string): Promise<void> {
  const wanted = { path: join(root, "data"), hash: { name: "md5" as const, value: oid }, meta: {}, key: 0 };
  await applyPlan(planCheckout([wanted], { root, cache, state }));
}

describe("a full disk", () => {
  it("in the cache: no object, no litter, the file stays", () => {
    const bytes = Buffer.from("precious");
    const oid = md5Bytes(bytes);
    writeFileAtomic(join(root, "file"), bytes);
    fillDisk(1);
    expect(() => {
      cache.addFile(join(root, "file"), oid);
    }).toThrow("ENOSPC");
    expect(() => cache.ingest(join(root, "file"))).toThrow("ENOSPC");
    expect(() => {
      writeFileAtomic(join(root, "file"), "half written");
    }).toThrow("ENOSPC");
    freeDisk();
    expect([...cache.names(), ...temporariesIn(cache)]).toEqual([]);
    expect(readFileSync(join(root, "file"), "utf8")).toBe("precious");
    cache.addFile(join(root, "file"), oid);
    cache.flush();
    expect([...cache.names()]).toEqual([oid]);
  });

  it("in a checkout: the workspace is as before, and a second run finishes", async () => {
    const old = storeTree({ a: "old a", b: "old b", c: "old c" });
    const wanted = storeTree({ a: "new a", b: "new b", "d/e": "new e" });
    for (const nth of [1, 2, 3]) {
      rmSync(join(root, "data"), { recursive: true, force: true });
      await checkout(old.oid);
      fillDisk(nth);
      await expect(checkout(wanted.oid)).rejects.toThrow("ENOSPC");
      freeDisk();
      expect(readdirSync(join(root, "data")).sort()).toEqual(["a", "b", "c"]);
      for (const name of ["a", "b", "c"]) expect(readFileSync(join(root, "data", name), "utf8")).toBe(`old ${name}`);
      expect(readdirSync(join(root, ".dvc/tmp"))).toEqual([]);
      await checkout(wanted.oid);
      expect(readFileSync(join(root, "data/d/e"), "utf8")).toBe("new e");
      expect(existsSync(join(root, "data/c"))).toBe(false);
    }
  });
});
