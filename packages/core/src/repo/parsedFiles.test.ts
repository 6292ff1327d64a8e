import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PyDate, PyFloat } from "../formats/pyValues.ts";
import { parsedFiles } from "./parsedFiles.ts";

let folder = "";
let file = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-parsed-"));
  file = join(folder, "dvc.yaml");
  writeFileSync(file, "x".repeat(20_000));
  vi.useFakeTimers({ now: Date.now() + 60_000 });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const memories = (): string => join(folder, "parsed");
/** Reads twice; the second answer tells whether the first was remembered. */
function second(value: object): unknown {
  parsedFiles(memories()).read(file, () => value);
  return parsedFiles(memories()).read(file, () => ({ parsed: "again" }));
}

describe("parsedFiles", () => {
  it("remembers, with floats of integral value", () => {
    const value = { stages: { a: { cmd: ["x", null], lr: new PyFloat(1), n: 1, "10": true, "2": 0.5 } } };
    expect(second(value)).toEqual(value);
  });

  it("parses again when the file is another one, also of the same size and time", () => {
    second({ a: 1 });
    const time = new Date("2020-01-01");
    writeFileSync(file, "y".repeat(20_000));
    utimesSync(file, time, time);
    expect(parsedFiles(memories()).read(file, () => ({ b: 2 }))).toEqual({ b: 2 });
  });

  it("passes over what JSON can't hold, small files, and files that changed just now", () => {
    expect(second({ a: Object.create(PyDate.prototype) as object })).toEqual({ parsed: "again" });
    expect(second({ a: 2n ** 60n })).toEqual({ parsed: "again" });
    vi.setSystemTime(Date.now() - 60_000);
    expect(second({ a: 1 })).toEqual({ parsed: "again" });
    vi.setSystemTime(Date.now() + 60_000);
    writeFileSync(file, "small");
    expect(second({ a: 1 })).toEqual({ parsed: "again" });
  });

  it("passes over a damaged memory", () => {
    second({ a: 1 });
    const [name = ""] = readdirSync(memories());
    const before = parsedFiles(memories()).read(file, () => ({ parsed: "again" }));
    expect(before).toEqual({ a: 1 });
    writeFileSync(join(memories(), name), "damaged");
    expect(parsedFiles(memories()).read(file, () => ({ b: 2 }))).toEqual({ b: 2 });
  });

  it("keeps no more than 64 files", () => {
    for (let at = 0; at < 70; at++) {
      const one = join(folder, `${String(at)}.yaml`);
      writeFileSync(one, "x".repeat(20_000));
      parsedFiles(memories()).read(one, () => ({ at }));
    }
    expect(readdirSync(memories()).length).toBeLessThanOrEqual(64);
  });
});
