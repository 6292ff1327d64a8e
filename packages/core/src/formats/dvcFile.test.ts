import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { parseDvcFile, serializeDvcFile, stageChecksum } from "./dvcFile.ts";
import { addIgnoreEntry, removeIgnoreEntry } from "./gitIgnoreFile.ts";
import { parseLockfile, serializeLockfile } from "./lockfile.ts";

// Written by `dvc import ../src data.txt --rev v1`, DVC 3.67.1.
const IMPORT = `md5: 7092bcf341a615479f869a1297cd022f
frozen: true
deps:
- path: data.txt
  repo:
    url: ../src
    rev: v1
    rev_lock: 0804f39114a746a4dfb91587fc25ba2f50dec67d
outs:
- md5: 764efa883dda1e11db47671c4a3bbd9e
  size: 3
  hash: md5
  path: data.txt
`;

describe("a .dvc file", () => {
  test("comes back byte by byte", () => {
    expect(serializeDvcFile(parseDvcFile(IMPORT, "./data.txt.dvc"))).toBe(IMPORT);
    expect(serializeDvcFile(parseDvcFile(IMPORT, "./data.txt.dvc"), IMPORT)).toBe(IMPORT);
  });

  test("has the checksum that DVC computes", () => {
    const stage = parseDvcFile(IMPORT, "./data.txt.dvc");
    expect(createHash("md5").update(stageChecksum(stage)).digest("hex")).toBe(stage.md5);
  });

  test("puts keys in DVC's order, and leaves out what is false", () => {
    const text = serializeDvcFile({
      outs: [{ path: "x", hash: "md5", size: 1, md5: "abc" }],
      frozen: false,
      desc: "d",
    });
    expect(text).toBe("desc: d\nouts:\n- md5: abc\n  size: 1\n  hash: md5\n  path: x\n");
  });

  test("has its checksums lowered, etags not", () => {
    const text = "outs:\n- md5: ABC\n  etag: ABC\n  path: x\n- md5: ''\n  path: y\n";
    expect(parseDvcFile(text, "./x.dvc").outs).toEqual([
      { md5: "abc", etag: "ABC", path: "x" },
      { md5: null, path: "y" },
    ]);
  });

  test("may be empty", () => {
    expect(parseDvcFile("", "./x.dvc")).toEqual({});
  });
});

describe("dvc.lock", () => {
  const text = "schema: '2.0'\nstages:\n  a: # first\n    cmd: x\n  b:\n    cmd: 'y'   # kept\n";

  test("replaces changed stages and keeps the others", () => {
    const lock = parseLockfile(text, "./dvc.lock");
    lock.stages = {
      ...lock.stages,
      a: { cmd: "z", outs: [{ md5: "abc", path: "o", size: 1, hash: "md5" }] },
      c: { cmd: "w" },
    };
    expect(serializeLockfile(lock, text, ["a", "c"])).toBe(
      "schema: '2.0'\nstages:\n  a: # first\n    cmd: z\n    outs:\n    - path: o\n      hash: md5\n      md5: abc\n      size: 1\n  b:\n    cmd: y     # kept\n  c:\n    cmd: w\n",
    );
  });

  test("drops stages that are gone", () => {
    const lock = parseLockfile(text, "./dvc.lock");
    expect(serializeLockfile({ schema: "2.0", stages: { b: lock.stages?.["b"] ?? { cmd: "" } } }, text, [])).toBe(
      "schema: '2.0'\nstages:\n  b:\n    cmd: y     # kept\n",
    );
  });
});

describe(".gitignore", () => {
  test("gets an escaped line, behind a line break", () => {
    expect(addIgnoreEntry("", "we[i]rd !#.txt")).toBe("/we\\[i\\]rd \\!\\#.txt\n");
    expect(addIgnoreEntry("a", "b")).toBe("a\n/b\n");
    expect(addIgnoreEntry("/b\n", "b")).toBe("/b\n");
  });

  test("loses the unescaped line only", () => {
    expect(removeIgnoreEntry("/a\n/b\n  /a \nc", "a")).toBe("/b\nc");
    expect(removeIgnoreEntry("/a\n", "a")).toBe("");
    expect(removeIgnoreEntry("/\\#a\n", "#a")).toBe("/\\#a\n");
  });
});
