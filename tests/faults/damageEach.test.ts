import { chmodSync, lstatSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flip, shorten } from "../support/damage.ts";
import { filesUnder, md5Of } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";

const FILES = ["data/a", "data/b", "data/sub/c", "one"];
const CACHE = ".dvc/cache/files/md5";
const REMOTE = "../remote/files/md5";
/** Every object and kind of damage with `make test-long`; else one kind, of a file and of the manifest. */
const LONG = process.env["HOLDFAST_LONG"] === "1";
const damages = LONG ? { flipped: flip, "cut short": shorten } : { flipped: flip };
const nths = LONG ? [0, 1, 2, 3, 4] : [2, 3];

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  rig.ok("remote", "add", "-q", "-d", "store", rig.path("../remote"));
  for (const name of FILES) rig.write(name, `content of ${name}`);
  rig.ok("add", "-q", "data", "one");
  rig.ok("push", "-q");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "data");
});
afterEach(() => {
  rig.close();
});

const objects = (store: string): string[] => filesUnder(rig.path(store)).sort();
const nameOf = (path: string): string => path.slice(-(path.endsWith(".dir") ? 37 : 33));
const isSound = (path: string): boolean => nameOf(path).replace("/", "").replace(".dir", "") === md5Of(path);

/** What is wrong in the workspace: a file that is there holds what was added. */
function wrongFiles(): string[] {
  return FILES.filter((name) => ![undefined, `content of ${name}`].includes(rig.read(name)));
}

/** Nothing damaged gets to the remote. A file that can't be sent is a failure; a folder whose manifest is gone is, as in DVC, a warning. */
function expectPushed(): void {
  const { code, err } = rig.run(["push"]);
  expect(objects(REMOTE).filter((one) => !isSound(one))).toEqual([]);
  if (code === 0) expect(err).toMatch(/corrupted cache file[^]*Missing cache files:\nmd5: \w+\.dir/);
}

function clear(...paths: string[]): void {
  for (const path of paths) rmSync(rig.path(path), { recursive: true, force: true });
}

describe.each(Object.entries(damages))("each object, %s, is found and never spread", (_, damage) => {
  it.each(nths)("in the cache (object %i): checkout, push, fsck", (nth) => {
    const path = objects(CACHE)[nth] ?? "";
    damage(path);
    expect(rig.run(["fsck"]).code).toBe(1);
    clear("data", "one", "../remote");
    expectPushed();
    expect(rig.run(["checkout"]).code).not.toBe(0);
    expect(wrongFiles()).toEqual([]);
    expect(objects(CACHE).filter((one) => !isSound(one))).toEqual([]);
  });

  it.each(nths)("in the cache (object %i), behind a link of the workspace: status, fsck, push", (nth) => {
    rig.ok("config", "cache.type", "hardlink");
    rig.ok("checkout", "-q", "--relink");
    damage(objects(CACHE)[nth] ?? "");
    clear("../remote");
    expect(rig.run(["fsck"]).code).toBe(1);
    expectPushed();
  });

  it.each(nths)("on the remote (object %i): pull, fetch, status -c --deep, fsck -r", (nth) => {
    const path = objects(REMOTE)[nth] ?? "";
    damage(path);
    const bytes = readFileSync(path);
    expect(rig.run(["status", "-c", "--deep"]).code).toBe(1);
    expect(rig.run(["fsck", "-r", "store"]).code).toBe(1);
    clear(".dvc/cache", "data", "one");
    expect(rig.run(["pull"]).code).toBe(1);
    expect(wrongFiles()).toEqual([]);
    expect(objects(CACHE).filter((one) => !isSound(one))).toEqual([]);
    expect(rig.run(["fetch"]).code).toBe(1);
    expect(objects(CACHE).filter((one) => !isSound(one))).toEqual([]);
    // It may be the last copy: it stays there, as it is.
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });
});

it.each(nths)("an object that the remote lost (object %i) is named, and pushed again by whoever has it", (nth) => {
  const path = objects(REMOTE)[nth] ?? "";
  renameSync(path, rig.path("../lost"));
  expect(rig.ok("status", "-c")).not.toContain("in sync");
  renameSync(rig.path(".dvc/cache"), rig.path("../kept"));
  clear("data", "one");
  expect(rig.run(["pull"]).code).toBe(1);
  expect(wrongFiles()).toEqual([]);
  clear(".dvc/cache", "data", "one");
  renameSync(rig.path("../kept"), rig.path(".dvc/cache"));
  rig.ok("push");
  expect(isSound(path)).toBe(true);
  clear(".dvc/cache");
  rig.ok("pull");
  expect(FILES.filter((name) => rig.read(name) !== `content of ${name}`)).toEqual([]);
});

describe("files of the workspace that are links, edited in place", () => {
  it.each(["hardlink", "symlink"])("%s: nothing that was spoilt is spread, the edit is not lost", (type) => {
    rig.ok("config", "cache.type", type);
    rig.ok("checkout", "-q", "--relink");
    const path = rig.path("data/a");
    // What an editor does that ignores the mode.
    chmodSync(path, 0o644);
    writeFileSync(path, "EDITED through the link");
    clear("../remote");
    expect(rig.run(["push"]).code).not.toBe(0);
    expect(objects(REMOTE).filter((one) => !isSound(one))).toEqual([]);
    const texts = filesUnder(rig.dir)
      .filter((one) => lstatSync(one).isFile())
      .map((one) => readFileSync(one, "utf8"));
    expect(texts).toContain("EDITED through the link");
    expect(objects(CACHE).filter((one) => !isSound(one))).toEqual([]);
  });

  it.each(["hardlink", "symlink"])("%s: add records what was edited, the former version is told to be gone", (type) => {
    rig.ok("config", "cache.type", type);
    rig.ok("checkout", "-q", "--relink");
    const path = rig.path("data/a");
    chmodSync(path, 0o644);
    writeFileSync(path, "EDITED through the link");
    rig.run(["add", "data"]);
    rig.ok("add", "data");
    expect(rig.read("data/a")).toBe("EDITED through the link");
    expect(objects(CACHE).filter((one) => !isSound(one))).toEqual([]);
    clear("data");
    rig.ok("checkout");
    expect(rig.read("data/a")).toBe("EDITED through the link");
    rig.git("checkout", "-q", ".");
    expect(rig.run(["checkout"]).code).not.toBe(0);
    rig.ok("pull");
    expect(rig.read("data/a")).toBe("content of data/a");
  });
});

it("a file that is changed to one of the same size and times is seen by status and add", () => {
  const path = rig.path("data/a");
  const { atime, mtime } = statSync(path);
  writeFileSync(path, "CONTENT of data/a");
  utimesSync(path, atime, mtime);
  expect(rig.ok("status")).toContain("data.dvc");
  rig.ok("add", "-q", "data");
  clear("data");
  rig.ok("checkout");
  expect(rig.read("data/a")).toBe("CONTENT of data/a");
  expect(objects(CACHE).filter((one) => !isSound(one))).toEqual([]);
});
