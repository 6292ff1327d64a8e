import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openState } from "../odb/state.ts";
import { build } from "./build.ts";
import { fingerprintOf, lookAtFolder } from "./fingerprint.ts";

let folder: string;
let data: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hf-fingerprint-"));
  data = join(folder, "data");
  mkdirSync(join(data, "sub"), { recursive: true });
  writeFileSync(join(data, "a"), "one");
  writeFileSync(join(data, "sub", "b"), "two");
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const print = (): string => fingerprintOf(lookAtFolder(data, {}));

/** Lets the clock of the file system move on, so that what is there counts as settled. */
async function settle(): Promise<void> {
  const newest = statSync(join(data, "a")).ctimeMs;
  while (Date.now() - newest < 60) await new Promise(setImmediate);
}

describe("fingerprintOf", () => {
  it("is equal as long as nothing is touched", () => {
    expect(print()).toBe(print());
  });

  it("differs after an edit of the same size with the old mtime put back", () => {
    const before = print();
    const { atime, mtime } = statSync(join(data, "a"));
    writeFileSync(join(data, "a"), "eno");
    utimesSync(join(data, "a"), atime, mtime);
    expect(print()).not.toBe(before);
  });

  it("differs after a new empty folder, a new file, a removed file", () => {
    const seen = new Set([print()]);
    mkdirSync(join(data, "empty"));
    seen.add(print());
    writeFileSync(join(data, "c"), "");
    seen.add(print());
    rmSync(join(data, "sub", "b"));
    seen.add(print());
    expect(seen.size).toBe(4);
  });
});

describe("build with a record of the folder", () => {
  it("answers as without it, and sees every later edit", async () => {
    const state = openState(join(folder, "state"));
    const plain = await build(data, {});
    await settle();
    const first = await build(data, { state });
    expect(state.folders.get(data, "md5")).toMatchObject({ oid: first.hash.value, size: 6, nfiles: 2 });
    const again = await build(data, { state });
    expect({ hash: again.hash, meta: again.meta, entries: again.tree?.entries }).toEqual({
      hash: plain.hash,
      meta: plain.meta,
      entries: plain.tree?.entries,
    });
    writeFileSync(join(data, "a"), "eno");
    const edited = await build(data, { state });
    expect(edited.hash.value).not.toBe(first.hash.value);
  });

  it("records nothing that was touched a moment ago", async () => {
    const state = openState(join(folder, "state"));
    writeFileSync(join(data, "a"), "now");
    await build(data, { state });
    const record = state.folders.get(data, "md5");
    const age = Date.now() - statSync(join(data, "a")).ctimeMs;
    // Within the clock's grain there is no record; a machine slow enough to leave it may have made one.
    expect(record === undefined || age >= 20).toBe(true);
  });
});
