import { linkSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FileCondition } from "./state.ts";
import { openState } from "./state.ts";
import { StateReader } from "./stateTable.ts";

const A = "60b725f10c9c85c70d97880dfe8191b3";
const B = "2cd6ee2c70b0bde53fbe6cac3c8b8bb1";
/** Long after the files of a test were made. */
const LATER = Date.now() + 3_600_000;
let folder = "";
let file = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-state-"));
  file = join(folder, "deep", "state");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const stat = (path: string): FileCondition => statSync(path, { bigint: true });
function make(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** A file that nobody needs to make. */
const at = (i: number): FileCondition => ({
  dev: 1n,
  ino: BigInt(i) << 20n,
  size: 3n,
  mtimeNs: BigInt(i),
  ctimeNs: 1n,
});
const md5 = (i: number): string => i.toString(16).padStart(32, "0");

describe("State", () => {
  it("remembers over a restart, by inode", () => {
    const path = make("a", "one");
    const state = openState(file);
    expect(state.lookup(path, stat(path))).toBeUndefined();
    state.record(path, stat(path), A, "md5", LATER);
    state.record(path, stat(path), B, "md5-dos2unix", LATER);
    state.save();
    const again = openState(file);
    expect(again.lookup(path, stat(path))).toBe(A);
    expect(again.lookup(path, stat(path), "md5-dos2unix")).toBe(B);
  });

  it("answers another thread from shared memory, as soon as recorded and after a restart", () => {
    const path = make("a", "one");
    const state = openState(file);
    expect(new StateReader(state.share()).lookup(stat(path), "md5")).toBeUndefined();
    state.record(path, stat(path), A, "md5", LATER);
    state.save();
    for (const one of [state, openState(file)]) {
      const table = one.share();
      expect(table.words.buffer).toBeInstanceOf(SharedArrayBuffer);
      expect(table.slots.buffer).toBeInstanceOf(SharedArrayBuffer);
      const reader = new StateReader(table);
      expect(reader.lookup(stat(path), "md5")).toBe(A);
      expect(reader.lookup(stat(path), "md5-dos2unix")).toBeUndefined();
      expect(reader.lookup({ ...stat(path), ctimeNs: 1n }, "md5")).toBeUndefined();
    }
  });

  it("notices an edit that keeps size and mtime", () => {
    const path = make("a", "one");
    utimesSync(path, 1_000_000, 1_000_000);
    const state = openState(file);
    const before = stat(path);
    state.record(path, before, A, "md5", LATER);
    expect(state.lookup(path, before)).toBe(A);
    const deadline = Date.now() + 5000;
    do {
      writeFileSync(path, "two");
      utimesSync(path, 1_000_000, 1_000_000);
    } while (stat(path).ctimeNs === before.ctimeNs && Date.now() < deadline);
    expect(stat(path)).toMatchObject({ size: before.size, mtimeNs: before.mtimeNs });
    expect(state.lookup(path, stat(path))).toBeUndefined();
  });

  it("refuses a file that changed within the clock's grain", () => {
    const path = make("a", "one");
    const state = openState(file);
    const changed = Number(stat(path).ctimeNs / 1_000_000n);
    state.record(path, stat(path), A, "md5", changed + 5);
    expect(state.lookup(path, stat(path))).toBeUndefined();
    // Whole seconds: a file system that counts no finer.
    const coarse = { ...pick(stat(path)), ctimeNs: 1_700_000_000_000_000_000n };
    state.record(path, coarse, A, "md5", 1_700_000_000_000 + 1500);
    expect(state.lookup(path, coarse)).toBeUndefined();
    state.record(path, coarse, A, "md5", 1_700_000_000_000 + 2500);
    expect(state.lookup(path, coarse)).toBe(A);
  });

  it("ignores a damaged, truncated or foreign file", () => {
    const path = make("a", "one");
    const state = openState(file);
    state.record(path, stat(path), A, "md5", LATER);
    state.save();
    const good = readFileSync(file);
    for (let at = 0; at < good.length; at += 5) {
      if ((at >= 12 && at < 16) || (at >= 24 && at < 32)) continue; // unused parts of the header
      const bad = Buffer.from(good);
      bad.writeUInt8((bad.readUInt8(at) + 1) & 255, at);
      writeFileSync(file, bad);
      expect([at, openState(file).lookup(path, stat(path))]).toEqual([at, undefined]);
    }
    for (const bad of [good.subarray(0, -1), good.subarray(0, 10), Buffer.from("x".repeat(1000)), Buffer.alloc(0)]) {
      writeFileSync(file, bad);
      expect(openState(file).lookup(path, stat(path))).toBeUndefined();
    }
  });

  it("keeps what another process saved meanwhile", () => {
    const [a, b, c] = [make("a", "1"), make("b", "2"), make("c", "3")];
    const first = openState(file);
    first.record(c, stat(c), A, "md5", LATER);
    first.save();
    const [ours, theirs] = [openState(file), openState(file)];
    ours.record(a, stat(a), A, "md5", LATER);
    ours.record(c, stat(c), B, "md5", LATER);
    theirs.record(b, stat(b), B, "md5", LATER);
    theirs.save();
    ours.save();
    const state = openState(file);
    expect([a, b, c].map((path) => state.lookup(path, stat(path)))).toEqual([A, B, B]);
  });

  it("holds many records", () => {
    const state = openState(file);
    for (let i = 0; i < 20_000; i++) state.record("x", at(i), md5(i));
    state.save();
    const again = openState(file);
    for (let i = 0; i < 20_000; i += 7) expect(again.lookup("x", at(i))).toBe(md5(i));
    expect(again.lookup("x", at(20_001))).toBeUndefined();
  });

  it.each([0, 10, 3000])("has room for %i more when it is read, and finds and keeps all", (more) => {
    const state = openState(file);
    for (let i = 0; i < 2000; i++) state.record("x", at(i), md5(i));
    state.save();
    const again = openState(file);
    again.expect(more);
    const { words } = again.share();
    for (let i = 2000; i < 2000 + more; i++) again.record("x", at(i), md5(i));
    // None of it was copied for that.
    expect(again.share().words.buffer).toBe(words.buffer);
    again.record("x", at(9000), md5(9000));
    again.save();
    const last = openState(file);
    for (let i = 0; i < 2000 + more; i++) expect(last.lookup("x", at(i))).toBe(md5(i));
    expect(last.lookup("x", at(9000))).toBe(md5(9000));
    expect(last.lookup("x", at(9001))).toBeUndefined();
  });

  it("records what was written when it is saved, links of one inode too", async () => {
    const path = make("a", "one");
    await expect.poll(() => Date.now() - Number(stat(path).ctimeNs / 1_000_000n)).toBeGreaterThan(30);
    linkSync(path, join(folder, "b"));
    await expect.poll(() => Date.now() - Number(stat(path).ctimeNs / 1_000_000n)).toBeGreaterThan(30);
    const state = openState(file);
    state.recordWritten(path, A);
    state.recordWritten(join(folder, "gone"), A);
    state.save();
    expect(openState(file).lookup("b", stat(join(folder, "b")))).toBe(A);
  });

  it("keeps links, and forgets them when their file is damaged", () => {
    const state = openState(file);
    state.links.set("data/a", { ino: "12", token: "t" });
    state.links.set("data/b", { ino: "13", token: "u" });
    state.links.delete("data/b");
    state.save();
    expect([...openState(file).links.all()]).toEqual([["data/a", { ino: "12", token: "t" }]]);
    writeFileSync(`${file}.links`, "{");
    expect([...openState(file).links.all()]).toEqual([]);
  });

  it("loses only speed when it cannot be written", () => {
    const path = make("a", "one");
    const state = openState(join(path, "below-a-file"));
    state.record(path, stat(path), A, "md5", LATER);
    expect(() => {
      state.save();
    }).not.toThrow();
  });
});

function pick({ dev, ino, size, mtimeNs, ctimeNs }: FileCondition): FileCondition {
  return { dev, ino, size, mtimeNs, ctimeNs };
}
