import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeFolders } from "./makeFolders.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "folders-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

it("makes a folder with those above it, and tells the topmost that is new", () => {
  expect(makeFolders(join(root, "a", "b", "c"), 0o700)).toBe(join(root, "a"));
  expect(statSync(join(root, "a", "b")).mode & 0o777).toBe(0o700);
  expect(makeFolders(join(root, "a", "b", "d"))).toBe(join(root, "a", "b", "d"));
  expect(makeFolders(join(root, "a", "b"))).toBeUndefined();
});

it("fails where a file is in the way", () => {
  writeFileSync(join(root, "file"), "");
  expect(() => makeFolders(join(root, "file"))).toThrow("EEXIST");
  expect(() => makeFolders(join(root, "file", "below", "it"))).toThrow("ENOTDIR: not a directory");
});

it.runIf(process.platform === "linux")("ends where no folder can be made at all", () => {
  expect(() => makeFolders("/proc/none/below")).toThrow("no folder can be made in '/proc'");
});
