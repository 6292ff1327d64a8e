import { rmSync, symlinkSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  rig.ok("config", "cache.type", "symlink");
  rig.write("data/a", "1\n");
  rig.write("data/b", "2\n");
  rig.write("f", "3\n");
  rig.ok("add", "-q", "data", "f");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "v1");
});
afterEach(() => {
  rig.close();
});

/** Of "1\n", "2\n" and "3\n". */
const A = "b026324c6904b2a9cb4b88d6d61c81d1";
const B = "26ab0db90d72e28ad0ba1e22ee510510";
const F = "6d7fce9fee471194aa8b5b6e47267f03";
const objectOf = (oid: string): string => `.dvc/cache/files/md5/${oid.slice(0, 2)}/${oid.slice(2)}`;

function json(...words: string[]): unknown {
  const { code, out } = rig.run([...words, "--json"]);
  expect([words, code]).toEqual([words, 0]);
  return JSON.parse(out);
}

describe("links into the cache whose objects are gone", () => {
  it("of one file: status, data status and diff say so, as DVC does", () => {
    rmSync(rig.path(objectOf(A)));
    expect(json("status")).toEqual({ "data.dvc": [{ "changed outs": { data: "not in cache" } }] });
    expect(json("data", "status", "--granular")).toEqual({
      not_in_cache: ["data/a"],
      uncommitted: { modified: ["data/"], deleted: ["data/a"] },
    });
    expect(json("diff")).toEqual({
      added: [],
      deleted: [],
      modified: [{ path: "data/" }, { path: "data/a" }],
      renamed: [],
      "not in cache": [{ path: "data/a" }],
    });
    expect(rig.run(["data", "status"]).err).toContain("'data' holds a link that leads nowhere, as 'a'");
  });

  it("of all files, and one that is no folder", () => {
    for (const oid of [A, B, F]) rmSync(rig.path(objectOf(oid)));
    expect(json("status")).toEqual({
      "data.dvc": [{ "changed outs": { data: "not in cache" } }],
      "f.dvc": [{ "changed outs": { f: "not in cache" } }],
    });
    expect(json("data", "status")).toEqual({
      not_in_cache: ["f"],
      uncommitted: { modified: ["data/"], deleted: ["f"] },
    });
    expect((json("diff") as { modified: unknown }).modified).toEqual(
      ["data/", "data/a", "data/b", "f"].map((path) => ({ path })),
    );
  });

  it("of a stage's output: repro runs it again", () => {
    rig.ok(
      "stage",
      "add",
      "-q",
      "-n",
      "make",
      "-d",
      "f",
      "-o",
      "made",
      "mkdir made && cp f made/f && echo more > made/g",
    );
    rig.ok("repro", "-q");
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    rmSync(rig.path("f"));
    rig.write("f", "3\n");
    const ran = rig.run(["repro"]);
    expect([ran.code, ran.err, ran.out]).toEqual([
      0,
      expect.anything(),
      expect.stringContaining("Running stage 'make'"),
    ]);
    expect(rig.read("made/g")).toBe("more\n");
    expect(json("status")).toMatchObject({ "data.dvc": expect.anything() as unknown });
  });

  it("a link that leads nowhere, where the cache is whole, is an error for status, and left alone by the others", () => {
    symlinkSync("nowhere", rig.path("data/n"));
    const { code, err } = rig.run(["status"]);
    expect([code, err]).toEqual([1, expect.stringContaining(`No such file or directory: '${rig.path("data/n")}'`)]);
    expect(rig.run(["add", "data"])).toMatchObject({ code: 1 });
    for (const words of [["diff"], ["data", "status"]])
      expect(rig.run(words)).toMatchObject({
        code: 0,
        err: expect.stringContaining("leads nowhere, as 'n'") as string,
      });
  });
});
