import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unprotectPath } from "./unprotect.ts";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "unprotect-")));
  writeFileSync(join(root, "object"), "bytes");
  mkdirSync(join(root, "data"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe("links become files", () => {
  it("one by one: what a killed run left of each goes, what others are making stays", () => {
    const mine = `.a.${String(process.pid)}-abc.hftmp`;
    for (const name of ["a", "b"]) symlinkSync("../object", join(root, "data", name));
    for (const name of [".a.999999999-abc.hftmp", ".b.999999999-abc.hftmp", ".c.999999999-abc.hftmp", mine])
      writeFileSync(join(root, "data", name), "by");
    for (const name of ["a", "b"]) unprotectPath(join(root, "data", name), root);
    expect(readdirSync(join(root, "data")).sort()).toEqual([mine, ".c.999999999-abc.hftmp", "a", "b"].sort());
    expect(readFileSync(join(root, "data/b"), "utf8")).toBe("bytes");
  });
});
