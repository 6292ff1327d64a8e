import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KeptManifests } from "./keptManifests.ts";
import { Tree } from "./tree.ts";

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "kept-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("kept manifests", () => {
  const tree = Tree.from([{ relpath: "a/b", md5: "60b725f10c9c85c70d97880dfe8191b3" }]);
  const stored = (): string => {
    const path = join(dir, "object");
    writeFileSync(path, tree.serialize());
    return path;
  };

  it("are there when the object is gone", () => {
    const path = stored();
    new KeptManifests(join(dir, "kept")).keep(tree.oid, path);
    rmSync(path);
    expect(new KeptManifests(join(dir, "kept")).read(tree.oid)?.entries).toEqual(tree.entries);
    expect(readdirSync(join(dir, "kept"))).toEqual([tree.oid]);
  });

  it("are not believed when their bytes are others", () => {
    const kept = new KeptManifests(dir);
    writeFileSync(join(dir, tree.oid), "[]");
    expect(kept.read(tree.oid)).toBeUndefined();
    expect(kept.read(Tree.from([]).oid)).toBeUndefined();
  });

  it("are no reason to fail", () => {
    const kept = new KeptManifests(join(dir, "kept"));
    kept.keep(tree.oid, join(dir, "missing"));
    expect(kept.read(tree.oid)).toBeUndefined();
    const nowhere = new KeptManifests("");
    nowhere.keep(tree.oid, stored());
    expect(nowhere.read(tree.oid)).toBeUndefined();
  });
});
