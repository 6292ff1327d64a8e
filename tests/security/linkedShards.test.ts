import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesUnder, md5Of } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
let outside: string;
beforeEach(() => {
  rig = new Rig().project();
  outside = join(dirname(rig.dir), "outside");
  mkdirSync(outside);
  rig.write("data/a", "a");
  rig.write("data/b", "b");
  rig.ok("remote", "add", "-q", "-d", "store", join(dirname(rig.dir), "remote"));
});
afterEach(() => {
  rig.close();
});

function linkTo(place: string, target: string): void {
  rmSync(place, { recursive: true, force: true });
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(target, place);
}

/** Moves a folder to another place, a link stays. */
function moveAway(place: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  renameSync(place, to);
  symlinkSync(to, place);
}

describe("a folder of objects that is a link out of the cache", () => {
  const commands = [
    ["add", "data"],
    ["commit", "-f"],
    ["checkout", "-f"],
    ["pull", "-f"],
    ["push"],
    ["gc", "-w", "-f"],
    ["gc", "-w", "-f", "--purge"],
    ["fsck", "--repair"],
    ["evict", "data"],
    ["purge", "data", "-f"],
    ["repro"],
  ];

  it.each(["a shared cache", "the project's own"])("in %s: nothing is written or deleted there", (whose) => {
    const cache = whose === "a shared cache" ? join(dirname(rig.dir), "shared") : rig.path(".dvc/cache");
    if (whose === "a shared cache") rig.ok("cache", "dir", "-q", "--local", cache);
    rig.ok("add", "-q", "data");
    rig.ok("push", "-q");
    const objects = join(cache, "files", "md5");
    const [object = ""] = filesUnder(objects);
    // What lies there has the names of objects, too.
    for (const file of filesUnder(objects)) writeFileSync(join(outside, file.slice(-30)), "precious");
    writeFileSync(join(outside, "precious"), "precious");
    linkTo(dirname(object), outside);
    const names = filesUnder(outside);
    for (const words of commands) {
      const { code, err } = rig.run(words);
      expect([words, code > 0, err]).toEqual([words, true, expect.stringContaining("leads out of the cache")]);
    }
    expect(filesUnder(outside)).toEqual(names);
    expect(new Set(names.map(md5Of)).size).toBe(1);
  });

  it("of runs: nothing is written there", () => {
    rig.ok("stage", "add", "-q", "-n", "s", "-d", "data", "-o", "out", "cp data/a out");
    for (let n = 0; n < 256; n++) linkTo(rig.path(`.dvc/cache/runs/${n.toString(16).padStart(2, "0")}`), outside);
    expect(rig.run(["repro"]).err).toContain("leads out of the cache");
    expect(filesUnder(outside)).toEqual([]);
  });
});

describe("a cache that its owner has put elsewhere by a link is used", () => {
  it.each([".dvc/cache", ".dvc/cache/files", ".dvc/cache/files/md5"])("%s", (place) => {
    rig.ok("add", "-q", "data");
    moveAway(rig.path(place), join(outside, "moved"));
    rmSync(rig.path("data"), { recursive: true });
    rig.ok("checkout");
    rig.write("data/c", "c");
    rig.ok("add", "-q", "data");
    rig.ok("push", "-q");
    expect(rig.ok("gc", "-w", "-f")).toContain("Removed 1 objects from repo cache");
    expect(rig.ok("fsck")).toContain("Everything is sound");
  });
});
