import { chmodSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { md5Bytes } from "../hash/md5.ts";
import { hasFolderTimes } from "./folderTimes.ts";
import { lookAtCache } from "./cacheLooks.ts";
import { ManifestCheck } from "./manifestCheck.ts";
import { ObjectDb } from "./objectDb.ts";
import { openState } from "./state.ts";
import { Tree } from "./tree.ts";

/** Enough that the cache's folders are looked at. */
const LARGE = 2000;
let folder: string;
let cache: ObjectDb;
let tree: Tree;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "hf-manifest-"));
  cache = new ObjectDb(join(folder, "cache"), { layout: "3.x" });
  const files = ["one", "two", "three"].map((text) => ({ text, md5: md5Bytes(Buffer.from(text)) }));
  for (const { text, md5 } of files) cache.addBytes(md5, Buffer.from(text));
  tree = Tree.from(files.map(({ text, md5 }) => ({ relpath: text, md5 })));
  cache.addTree(tree);
  const newest = statSync(cache.pathOf(tree.oid)).ctimeMs;
  while (Date.now() - newest < 60) await new Promise(setImmediate);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** As a new process would find it. */
function isWhole(): boolean {
  const state = openState(join(folder, "state"));
  const whole = new ManifestCheck(cache, tree.oid, LARGE, state.cacheLooks).isWhole();
  state.save();
  return whole;
}

function isRemembered(): boolean {
  const moment = lookAtCache(cache.folder, cache.pathOf(tree.oid));
  return moment !== undefined && openState(join(folder, "state")).cacheLooks.has(cache.folder, tree.oid, moment);
}

function noteStored(): void {
  const state = openState(join(folder, "state"));
  state.cacheLooks.noteStored({ folder: cache.folder, oid: tree.oid, path: cache.pathOf(tree.oid), tree });
  state.save();
}

describe("ManifestCheck with what was found before", () => {
  it("remembers a whole manifest", () => {
    expect(isRemembered()).toBe(false);
    expect(isWhole()).toBe(true);
    expect(isRemembered()).toBe(hasFolderTimes(cache.folder));
    expect(isWhole()).toBe(true);
  });

  it("notices an object that is gone, moved away or replaced", () => {
    expect(isWhole()).toBe(true);
    const path = cache.pathOf(md5Bytes(Buffer.from("two")));
    renameSync(path, `${path}.away`);
    expect(isWhole()).toBe(false);
    expect(isRemembered()).toBe(false);
    renameSync(`${path}.away`, path);
    expect(isWhole()).toBe(true);
    writeFileSync(join(folder, "wrong"), "owt");
    renameSync(join(folder, "wrong"), path);
    expect(isWhole()).toBe(false);
  });

  it("notices a manifest that was edited in place", () => {
    expect(isWhole()).toBe(true);
    const path = cache.pathOf(tree.oid);
    chmodSync(path, 0o644);
    writeFileSync(path, "[]");
    expect(isWhole()).toBe(false);
  });

  it("remembers a manifest that was just stored, with all its objects there", () => {
    noteStored();
    expect(isRemembered()).toBe(hasFolderTimes(cache.folder));
  });

  it("remembers nothing of a stored manifest when an object is gone by then", () => {
    rmSync(cache.pathOf(md5Bytes(Buffer.from("two"))));
    noteStored();
    expect(isRemembered()).toBe(false);
  });

  it("remembers nothing of a cache that changed a moment ago", () => {
    const path = cache.pathOf(md5Bytes(Buffer.from("one")));
    renameSync(path, `${path}.away`);
    renameSync(`${path}.away`, path);
    const moment = lookAtCache(cache.folder, cache.pathOf(tree.oid));
    const age = Date.now() - statSync(join(path, "..")).ctimeMs;
    expect(moment?.isSettled !== true || age >= 20).toBe(true);
  });
});
