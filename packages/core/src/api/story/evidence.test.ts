import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  describeBytes,
  findDamaged,
  listObjects,
  manifestMatches,
  pointerHash,
  sameSnapshot,
  takeSnapshot,
} from "./evidence.ts";

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "evidence-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("a snapshot tells one changed byte, one more file and one lost file", async () => {
  mkdirSync(join(dir, "data", "sub"), { recursive: true });
  writeFileSync(join(dir, "data", "sub", "a"), "one");
  const before = await takeSnapshot(join(dir, "data"));
  expect([...before.files]).toEqual([["sub/a", "f97c5d29941bfb1b2fdab0874906ab82"]]);
  expect(before.bytes).toBe(3);
  writeFileSync(join(dir, "data", "sub", "a"), "onE");
  expect(sameSnapshot(before, await takeSnapshot(join(dir, "data")))).toBe(false);
  writeFileSync(join(dir, "data", "sub", "a"), "one");
  expect(sameSnapshot(before, await takeSnapshot(join(dir, "data")))).toBe(true);
  writeFileSync(join(dir, "data", "b"), "");
  const more = await takeSnapshot(join(dir, "data"));
  expect(sameSnapshot(before, more)).toBe(false);
  expect(sameSnapshot(more, before)).toBe(false);
});

test("objects with wrong bytes are found, and manifests are compared entry by entry", async () => {
  const put = (oid: string, text: string): void => {
    mkdirSync(join(dir, "files", "md5", oid.slice(0, 2)), { recursive: true });
    writeFileSync(join(dir, "files", "md5", oid.slice(0, 2), oid.slice(2)), text);
  };
  put("f97c5d29941bfb1b2fdab0874906ab82", "one");
  put("0cc175b9c0f1b6a831c399e269772661.dir", '[{"md5": "f97c5d29941bfb1b2fdab0874906ab82", "relpath": "a"}]');
  const objects = listObjects(dir);
  expect([...objects.keys()].sort()).toEqual([
    "0cc175b9c0f1b6a831c399e269772661.dir",
    "f97c5d29941bfb1b2fdab0874906ab82",
  ]);
  expect(await findDamaged(objects)).toEqual(["0cc175b9c0f1b6a831c399e269772661.dir"]);
  const oid = "0cc175b9c0f1b6a831c399e269772661.dir";
  expect(manifestMatches(objects, oid, { files: new Map([["a", "f97c5d29941bfb1b2fdab0874906ab82"]]), bytes: 3 })).toBe(
    true,
  );
  expect(manifestMatches(objects, oid, { files: new Map([["b", "f97c5d29941bfb1b2fdab0874906ab82"]]), bytes: 3 })).toBe(
    false,
  );
  expect(manifestMatches(objects, "ffffffffffffffffffffffffffffffff.dir", { files: new Map(), bytes: 0 })).toBe(false);
  expect(listObjects(join(dir, "nowhere")).size).toBe(0);
});

test("pointer hash and sizes", () => {
  writeFileSync(join(dir, "a.dvc"), "outs:\n- md5: f97c5d29941bfb1b2fdab0874906ab82.dir\n  path: a\n");
  expect(pointerHash(join(dir, "a.dvc"))).toBe("f97c5d29941bfb1b2fdab0874906ab82.dir");
  expect([describeBytes(999), describeBytes(57_523), describeBytes(1_234_567)]).toEqual([
    "999 bytes",
    "57.5 kB",
    "1.2 MB",
  ]);
});
