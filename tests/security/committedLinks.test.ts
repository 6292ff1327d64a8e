import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Rig } from "../support/rig.ts";

/**
 * What the program writes below `.dvc` is found out by using it; each such file and folder is then a link that leads out of the
 * project and was committed, as a hostile repository may hold it.
 */
let rig: Rig;
let outside: string;
let places: string[];
let folders: Set<string>;

const WORK: readonly (readonly string[])[] = [["add", "data"], ["repro"], ["gc", "-w", "-f"]];

beforeAll(() => {
  rig = new Rig().project();
  outside = join(dirname(rig.dir), "outside");
  rig.write("data", "one");
  rig.ok("add", "-q", "data");
  rig.ok("stage", "add", "-q", "-n", "s", "-d", "data", "-o", "out", "cp data out");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "one");
  cpSync(rig.dir, join(dirname(rig.dir), "fresh"), { recursive: true });
  // Facts about files are kept in the project itself when the environment names no other place.
  for (const words of WORK) run(words);
  rig.write("data", "two");
  for (const words of WORK) run(words);
  const seen = readdirSync(rig.path(".dvc"), { recursive: true, encoding: "utf8" }).map((path) => `.dvc/${path}`);
  const kinds = new Map(seen.map((path) => [path.replace(/[0-9a-f]{2,}/g, "#"), path]));
  places = [...kinds.values()].filter((path) => /^\.dvc\/(tmp|cache)\b/.test(path) && !isOneOfMany(path));
  folders = new Set(places.filter((path) => statSync(rig.path(path)).isDirectory()));
});
afterAll(() => {
  rig.close();
});

/** Names that differ from run to run: what is in them is tried by other tests. */
function isOneOfMany(path: string): boolean {
  return /\/(trash|journal|repro)\/./.test(path);
}

function run(words: readonly string[]): { readonly code: number; readonly err: string } {
  return rig.run(words, { env: { DVC_SITE_CACHE_DIR: "" } });
}

function restore(): void {
  rmSync(rig.dir, { recursive: true });
  cpSync(join(dirname(rig.dir), "fresh"), rig.dir, { recursive: true });
  rmSync(outside, { recursive: true, force: true });
  mkdirSync(outside);
  writeFileSync(join(outside, "precious"), "precious", { mode: 0o640 });
}

function link(place: string, target: string): void {
  rmSync(rig.path(place), { recursive: true, force: true });
  mkdirSync(dirname(rig.path(place)), { recursive: true });
  symlinkSync(relative(dirname(rig.path(place)), target), rig.path(place));
  rig.git("add", "-f", place);
}

function expectUntouched(place: string): void {
  const precious = join(outside, "precious");
  expect([place, readdirSync(outside, { recursive: true })]).toEqual([place, ["precious"]]);
  expect([place, readFileSync(precious, "utf8"), statSync(precious).mode & 0o777]).toEqual([place, "precious", 0o640]);
}

describe("a committed link below .dvc that leads out of the project", () => {
  it("is found in all the places that are written to", () => {
    expect(places).toEqual(
      expect.arrayContaining([".dvc/tmp", ".dvc/tmp/holdfast", ".dvc/cache/files/md5", ".dvc/cache/runs"]),
    );
    expect(places.length).toBeGreaterThan(12);
  });

  it("writes nothing there, as a folder or as a file", () => {
    for (const place of places) {
      for (const target of folders.has(place) ? [outside] : [join(outside, "precious"), join(outside, "new")]) {
        restore();
        link(place, target);
        rig.write("data", "two");
        for (const words of WORK) {
          const { err } = run(words);
          expect([place, words, err]).toEqual([place, words, expect.not.stringMatching(/unexpected error|^ {4}at /m)]);
        }
        expectUntouched(place);
      }
    }
  });
});

describe("a submodule in .dvc: what it holds is as committed as all else", () => {
  it.each([".dvc", ".dvc/cache", ".dvc/tmp", ".dvc/cache/files/md5/ab", ".dvc/cache/runs/ab/cd"])("%s", (place) => {
    restore();
    const config = readFileSync(rig.path(".dvc/config"));
    rmSync(rig.path(place), { recursive: true, force: true });
    mkdirSync(rig.path(place), { recursive: true });
    if (place === ".dvc") writeFileSync(rig.path(".dvc/config"), `[cache]\n    dir = ${outside}\n`);
    else writeFileSync(rig.path(".dvc/config"), config);
    for (const name of ["files", "md5", "00", "tmp", "lock"]) symlinkSync(outside, rig.path(`${place}/${name}`));
    for (const words of [
      ["init", "-q"],
      ["add", "-f", "."],
      ["commit", "-q", "-m", "theirs"],
    ])
      rig.git("-C", place, ...words);
    rig.git("rm", "-rq", "--cached", "--ignore-unmatch", place);
    rig.write(".gitmodules", `[submodule "x"]\n\tpath = ${place}\n\turl = ../x\n`);
    rig.git("add", "-f", place, ".gitmodules");
    expect(rig.git("ls-files", "-s", place)).toMatch(/^160000 /);
    rig.write("data", "two");
    for (const words of WORK) {
      const { code, err } = run(words);
      expect([words, code > 0, err]).toEqual([
        words,
        true,
        expect.stringContaining("is a Git repository within this one"),
      ]);
    }
    expectUntouched(place);
  });
});
