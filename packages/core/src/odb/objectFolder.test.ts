import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeObjectFolder } from "./objectFolder.ts";

let root: string;
let umask: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "object-folder-"));
  umask = process.umask(0o077);
});
afterEach(() => {
  process.umask(umask);
  rmSync(root, { recursive: true });
});

const modeOf = (path: string): number => statSync(join(root, path)).mode & 0o7777;

it("gives the folders that it makes their mode whatever the umask, and leaves nothing else", () => {
  makeObjectFolder(join(root, "files/md5/ab"), 0o2775);
  expect([modeOf("files"), modeOf("files/md5"), modeOf("files/md5/ab")]).toEqual([0o2775, 0o2775, 0o2775]);
  makeObjectFolder(join(root, "own"), undefined);
  expect(modeOf("own")).toBe(0o700);
  expect(readdirSync(root).sort()).toEqual(["files", "own"]);
  expect(readdirSync(join(root, "files/md5"))).toEqual(["ab"]);
});

it("leaves a folder that is there, with what it holds, as it is", () => {
  makeObjectFolder(join(root, "ab"), 0o2775);
  writeFileSync(join(root, "ab/object"), "");
  makeObjectFolder(join(root, "ab"), 0o2770);
  expect([modeOf("ab"), readdirSync(join(root, "ab"))]).toEqual([0o2775, ["object"]]);
});

it("fails where a file is in the way", () => {
  writeFileSync(join(root, "file"), "");
  expect(() => {
    makeObjectFolder(join(root, "file"), 0o2775);
  }).toThrow();
  expect(readdirSync(root)).toEqual(["file"]);
});
