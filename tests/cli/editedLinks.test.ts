import { appendFileSync, chmodSync, lstatSync, readdirSync, readFileSync, realpathSync, utimesSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesUnder } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  rig.ok("config", "cache.type", "symlink");
  rig.ok("remote", "add", "-q", "-d", "store", rig.path("../remote"));
  rig.write("data/a", "a1");
  rig.write("data/b", "b1");
  rig.write("model", "m1");
  rig.ok("add", "-q", "data", "model");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "v1");
});
afterEach(() => {
  rig.close();
});

/** Changes a file through its link into the cache, as an editor does that is told to. */
function edit(name: string): void {
  const object = realpathSync(rig.path(name));
  chmodSync(object, 0o644);
  appendFileSync(rig.path(name), " edited");
}

const quarantine = (): string[] =>
  filesUnder(rig.path(".dvc/tmp/quarantine")).map((path) => readFileSync(path, "utf8"));
const isLink = (name: string): boolean => lstatSync(rig.path(name)).isSymbolicLink();

describe("a file that was edited through its link into the cache", () => {
  it("is left as it is by commands that only look", () => {
    edit("data/a");
    edit("model");
    const cache = (): string[] => filesUnder(rig.path(".dvc/cache")).map((path) => readFileSync(path, "utf8"));
    const before = cache();
    for (const words of [
      ["status"],
      ["data", "status", "--granular"],
      ["diff"],
      ["status", "-c"],
      ["gc", "-w", "--dry"],
    ]) {
      const ran = rig.run(words);
      expect([words, ran.code, ran.err]).toEqual([words, 0, expect.anything()]);
      expect(cache()).toEqual(before);
      expect([rig.read("data/a"), isLink("data/a")]).toEqual(["a1 edited", true]);
    }
    expect(rig.run(["status"]).err).toContain("It was left there.");
    expect(quarantine()).toEqual([]);
  });

  it.each([["checkout"], ["push"], ["fetch"], ["pull"], ["fsck", "--repair"]])(
    "keeps its bytes in its place: %s",
    (...words) => {
      edit("data/a");
      edit("model");
      const ran = rig.run(words);
      if (words[0] !== "fetch") expect(ran.code).not.toBe(0);
      expect(ran.err + ran.out).toMatch(/corrupted cache file|damaged/);
      expect([rig.read("data/a"), rig.read("model"), rig.read("data/b")]).toEqual(["a1 edited", "m1 edited", "b1"]);
      // Nothing else was taken from there.
      expect(readdirSync(rig.path("data"))).toEqual(["a", "b"]);
      rig.ok("commit", "-f", "-q");
      expect([rig.read("data/a"), rig.ok("status")]).toEqual(["a1 edited", expect.stringContaining("up to date")]);
    },
  );

  it("goes into the trash with its bytes when a checkout is forced, and comes back", () => {
    rig.ok("push", "-q");
    edit("model");
    rig.ok("checkout", "-q", "-f", "data.dvc");
    expect(rig.read("model")).toBe("m1 edited");
    rig.run(["pull", "-f", "model"]);
    expect(rig.read("model")).toBe("m1");
    rig.ok("undo", "-f");
    expect(rig.read("model")).toBe("m1 edited");
  });

  it("of bits that rot nothing is copied: a repair brings the sound object, and the link leads there again", () => {
    rig.ok("push", "-q");
    const object = realpathSync(rig.path("model"));
    const { atime, mtime } = lstatSync(object);
    chmodSync(object, 0o644);
    appendFileSync(object, "!");
    chmodSync(object, 0o444);
    // As a disk does it: nobody is told.
    utimesSync(object, atime, mtime);
    rig.ok("fsck", "--repair", "-r", "store");
    expect([rig.read("model"), isLink("model")]).toEqual(["m1", true]);
    expect(quarantine()).toEqual(["m1!"]);
  });
});
