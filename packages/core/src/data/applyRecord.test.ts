import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GRAIN_MS } from "../base/clockGrain.ts";
import { md5Bytes } from "../hash/md5.ts";
import type { FolderRecord } from "../odb/folderRecords.ts";
import { HAS_NAMES, IS_LINK } from "../odb/folderRecords.ts";
import type { LinkType } from "../odb/linker.ts";
import { ObjectDb } from "../odb/objectDb.ts";
import { memoryState, type State } from "../odb/state.ts";
import { Tree } from "../odb/tree.ts";
import { build } from "./build.ts";
import { applyPlan, planCheckout, type PlanOptions } from "./checkout.ts";
import { lookAtFolder } from "./folderLook.ts";

const FILES = 600;
let root: string;
let state: State;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "record-"));
  mkdirSync(join(root, ".dvc/tmp"), { recursive: true });
  state = memoryState();
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const data = (): string => join(root, "data");
const cacheOf = (type: LinkType): ObjectDb =>
  new ObjectDb(join(root, ".dvc/cache"), { layout: "3.x", linkTypes: [type], state });

function storeTree(cache: ObjectDb, extra: Record<string, string> = {}): Tree {
  const files: Record<string, string> = { ...extra };
  for (let i = 0; i < FILES; i++) files[`d${String(i % 7)}/deep/f${String(i)}`] = `text ${String(i)}`;
  const tree = Tree.from(
    Object.entries(files).map(([relpath, text]) => {
      const md5 = md5Bytes(Buffer.from(text));
      cache.addBytes(md5, Buffer.from(text));
      return { relpath, md5 };
    }),
  );
  cache.addTree(tree);
  // What a symlink leads to is remembered from an age on at which no later edit can bear the same time.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, GRAIN_MS + 2);
  return tree;
}

async function checkout(cache: ObjectDb, tree: Tree, options: Partial<PlanOptions> = {}): Promise<void> {
  const wanted = { path: data(), hash: { name: "md5" as const, value: tree.oid }, meta: {}, key: undefined };
  const plan = planCheckout([wanted], { root, cache, state, ...options });
  await applyPlan(plan);
  expect(plan.missing).toEqual([]);
}

const recorded = (): FolderRecord | undefined => state.folders.get(data(), "md5");
const isAsRecorded = (): boolean => lookAtFolder(data(), {}, recorded()).isAsRecorded;

describe.each<LinkType>(["copy", "hardlink", "symlink"])("a folder that a checkout made whole (%s)", (type) => {
  it("is remembered as a look at it would remember it", async () => {
    const cache = cacheOf(type);
    const tree = storeTree(cache, { "same/a": "text 1", top: "at the top" });
    await checkout(cache, tree);
    const noted = recorded();
    expect(noted?.stats.includes(0n)).toBe(false);
    expect(noted?.folderStats.includes(0n)).toBe(false);
    expect(isAsRecorded()).toBe(true);
    state = memoryState();
    await build(data(), { state });
    const found = recorded();
    for (const key of ["oid", "size", "nfiles", "relpaths", "flags"] as const)
      expect(noted?.[key]).toEqual(found?.[key]);
    expect(new Set(noted?.folders)).toEqual(new Set(found?.folders));
    expect(Buffer.from(noted?.digests ?? [])).toEqual(Buffer.from(found?.digests ?? []));
    expect(new Set(noted?.flags)).toEqual(new Set(type === "copy" ? [0] : [type === "symlink" ? IS_LINK : HAS_NAMES]));
  });

  it("is no longer as remembered once a name came, even at the same time", async () => {
    const cache = cacheOf(type);
    await checkout(cache, storeTree(cache));
    const { atime, mtime } = statSync(data());
    writeFileSync(join(data(), "new"), "");
    utimesSync(data(), atime, mtime);
    expect(isAsRecorded()).toBe(false);
  });
});

it("notices an edit right after the checkout that keeps size and mtime", async () => {
  const cache = cacheOf("copy");
  const tree = storeTree(cache);
  await checkout(cache, tree);
  const names = readdirSync(join(data(), "d0/deep"));
  for (const name of names) {
    const path = join(data(), "d0/deep", name);
    const { atime, mtime, size } = statSync(path);
    writeFileSync(path, "x".repeat(size));
    utimesSync(path, atime, mtime);
  }
  expect(names.length).toBeGreaterThan(50);
  const options = { root, cache, state };
  const plan = planCheckout(
    [{ path: data(), hash: { name: "md5", value: tree.oid }, meta: {}, key: undefined }],
    options,
  );
  expect(plan.items[0]?.modify).toHaveLength(names.length);
});

it("does not remember a folder of which a walk leaves something out", async () => {
  const cache = cacheOf("copy");
  const ignore = { dir: () => false, file: (path: string) => path.endsWith("/f5") };
  await checkout(cache, storeTree(cache), { ignore });
  expect(recorded()).toBeUndefined();
  rmSync(data(), { recursive: true });
  await checkout(cache, storeTree(cache, { "d0/.dvcignore": "f5\n" }));
  expect(recorded()).toBeUndefined();
});

it("does not remember a folder that lacks files", async () => {
  const cache = cacheOf("copy");
  const tree = storeTree(cache, { lost: "lost" });
  rmSync(cache.pathOf(md5Bytes(Buffer.from("lost"))), { force: true });
  const wanted = { path: data(), hash: { name: "md5" as const, value: tree.oid }, meta: {}, key: undefined };
  const plan = planCheckout([wanted], { root, cache, state, allowMissing: true });
  await applyPlan(plan);
  expect(plan.missing).toHaveLength(1);
  expect(statSync(join(data(), "d0")).isDirectory()).toBe(true);
  expect(recorded()).toBeUndefined();
});

it("builds all outputs of a plan in one folder and leaves nothing of it", async () => {
  const cache = cacheOf("copy");
  const texts = ["one", "two", "three"];
  const outs = texts.map((text) => {
    const value = md5Bytes(Buffer.from(text));
    cache.addBytes(value, Buffer.from(text));
    return { path: join(root, text), hash: { name: "md5" as const, value }, meta: {}, key: undefined };
  });
  const seen = new Set<string>();
  const onPoint = (): void => {
    for (const name of readdirSync(join(root, ".dvc/tmp"))) seen.add(name);
  };
  await applyPlan(planCheckout(outs, { root, cache, state }), { onPoint });
  expect(seen.size).toBe(1);
  expect(readdirSync(join(root, ".dvc/tmp"))).toEqual([]);
  expect(readdirSync(root).sort()).toEqual([".dvc", "one", "three", "two"]);
});
