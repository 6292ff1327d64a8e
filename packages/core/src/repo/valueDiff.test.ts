import { describe, expect, it } from "vitest";
import { PyFloat } from "../formats/pyValues.ts";
import type { RevisionValues } from "./fileValues.ts";
import type { Repo } from "./repo.ts";
import { diffRevisions, flatten, type ValueChange } from "./valueDiff.ts";

const repo = { root: "/r", env: { cwd: "/r/sub" } } as unknown as Repo;
const of = (name: string, data: unknown): RevisionValues => ({ name, files: [{ path: "m.json", data }] });

function changes(old: unknown, fresh: unknown, all = false): readonly ValueChange[] {
  const diff = diffRevisions(repo, [of("a", old), of("b", fresh)], { older: "a", newer: "b", all });
  return diff.files[0]?.changes ?? [];
}

describe("diffRevisions", () => {
  it("reckons as Python: exact integers, floats stay floats, truth values count", () => {
    const big = 123456789012345678901n;
    expect(changes({ a: 1, b: big, c: true }, { a: new PyFloat(2), b: big + 1n, c: false })).toEqual([
      { key: "a", old: 1, new: new PyFloat(2), diff: new PyFloat(1) },
      { key: "b", old: big, new: big + 1n, diff: 1 },
      { key: "c", old: true, new: false, diff: -1 },
    ]);
  });

  it("sorts keys, compares lists as text, and takes 1 for 1.0", () => {
    expect(
      changes({ n: { y: 1, x: 1 }, l: [1, 2], e: 1 }, { n: { x: 2, z: 3 }, l: [1, 3], e: new PyFloat(1) }),
    ).toEqual([
      { key: "l", old: "[1, 2]", new: "[1, 3]" },
      { key: "n.x", old: 1, new: 2, diff: 1 },
      { key: "n.y", old: 1, new: null },
      { key: "n.z", old: null, new: 3 },
    ]);
    expect(changes({ a: NaN }, { a: NaN })).toHaveLength(1);
    expect(changes({ a: 1 }, { a: 1 }, true)).toEqual([{ key: "a", old: 1, new: 1, diff: 0 }]);
  });

  it("knows files of one value, and text that is JSON", () => {
    expect(changes("12", "13")).toEqual([{ key: "", old: 12, new: 13, diff: 1 }]);
    expect(changes("one", "two")).toEqual([{ key: "", old: "one", new: "two" }]);
    expect(changes({ a: 1 }, "text")).toEqual([{ key: "a", old: 1, new: "unable to parse" }]);
  });

  it("shows paths from the working folder and names the revisions that failed", () => {
    const error = { type: "FileNotFoundError", msg: "gone" };
    const read: RevisionValues[] = [of("a", { x: 1 }), { name: "b", files: [{ path: "m.json", error }] }];
    const { files, failed } = diffRevisions(repo, read, { older: "a", newer: "b", all: false });
    expect(files).toEqual([{ path: "../m.json", changes: [{ key: "x", old: 1, new: null }] }]);
    expect(failed).toEqual(["b"]);
  });
});

describe("flatten", () => {
  it("refuses keys that become one", () => {
    expect(() => flatten({ "a.b": 1, a: { b: 2 } })).toThrow("duplicated key 'a.b'");
    expect([...flatten({ a: { b: {}, c: 1 } })]).toEqual([["a.c", 1]]);
  });
});
