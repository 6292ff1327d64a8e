import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../../tests/support/temporaryFolder.ts";
import { moveIn, takeBackMove } from "./moveIn.ts";

/** No process has it: it is more than Linux gives. */
const DEAD = "4194999";
const STAGED = `.import.${DEAD}-a.hftmp`;
const NOTE = `.import.${DEAD}-b.hftmp`;

let target: string;
beforeEach(() => {
  target = temporaryFolder("move-");
});

function place(path: string): [dev: string, ino: string] {
  const { dev, ino } = statSync(path, { bigint: true });
  return [String(dev), String(ino)];
}

describe("moveIn", () => {
  it("moves all, and leaves nothing of its own", () => {
    const staged = join(target, STAGED);
    mkdirSync(join(staged, ".git"), { recursive: true });
    writeFileSync(join(staged, "file"), "1");
    moveIn(staged, target, join(target, "import"));
    expect(readdirSync(target).sort()).toEqual([".git", STAGED, "file"]);
    expect(readdirSync(staged)).toEqual([]);
  });

  it("moves all back when one can't be moved", () => {
    const staged = join(target, STAGED);
    mkdirSync(join(staged, ".git"), { recursive: true });
    mkdirSync(join(staged, "src"));
    mkdirSync(join(target, ".git", "in the way"), { recursive: true });
    expect(() => {
      moveIn(staged, target, join(target, "import"));
    }).toThrow("ENOTEMPTY");
    expect(readdirSync(target).sort()).toEqual([".git", STAGED]);
    expect(readdirSync(staged).sort()).toEqual([".git", "src"]);
  });
});

describe("takeBackMove", () => {
  /** What a run leaves that was killed when it had moved `src` and not yet `.git`. */
  function interrupted(note: (entries: [string, string, string][]) => unknown): void {
    mkdirSync(join(target, STAGED, ".git"), { recursive: true });
    mkdirSync(join(target, "src"));
    writeFileSync(join(target, "src", "file"), "of the archive");
    const entries = ["src"].map((name): [string, string, string] => [name, ...place(join(target, name))]);
    writeFileSync(join(target, NOTE), JSON.stringify(note(entries)));
  }

  it("takes back what was moved", () => {
    interrupted((entries) => ({ from: STAGED, entries }));
    takeBackMove(target, join(target, "import"));
    expect(readdirSync(target).sort()).toEqual([STAGED, NOTE]);
    expect(readFileSync(join(target, STAGED, "src", "file"), "utf8")).toBe("of the archive");
  });

  it("touches nothing when a file was edited since", () => {
    interrupted((entries) => ({ from: STAGED, entries }));
    writeFileSync(join(target, "src", "file"), "edited");
    const later = Date.now() / 1000 + 1;
    utimesSync(join(target, "src", "file"), later, later);
    takeBackMove(target, join(target, "import"));
    expect(readFileSync(join(target, "src", "file"), "utf8")).toBe("edited");
  });

  it("touches nothing when another file has its name", () => {
    interrupted((entries) => ({ from: STAGED, entries: entries.map(([name, dev]) => [name, dev, "1"]) }));
    takeBackMove(target, join(target, "import"));
    expect(readdirSync(target)).toContain("src");
  });

  it.each([
    ["a path", (entries: unknown) => ({ from: "../elsewhere", entries })],
    ["no temporary folder", (entries: unknown) => ({ from: "src2", entries })],
    ["a path as a name", () => ({ from: STAGED, entries: [["../../x", "1", "1"]] })],
    ["no list", () => ({ from: STAGED, entries: 5 })],
    ["nothing", () => null],
  ])("passes over a note that names %s", (_, note) => {
    interrupted(note);
    takeBackMove(target, join(target, "import"));
    expect(readdirSync(target).sort()).toEqual([STAGED, NOTE, "src"]);
  });
});
