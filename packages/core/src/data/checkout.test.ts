import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { newFileMode } from "../base/fileMode.ts";
import { md5Bytes } from "../hash/md5.ts";
import type { LinkType } from "../odb/linker.ts";
import { ObjectDb } from "../odb/objectDb.ts";
import { quarantined } from "../odb/quarantine.ts";
import type { State } from "../odb/state.ts";
import { memoryState } from "../odb/state.ts";
import { Tree } from "../odb/tree.ts";
import { applyPlan, planCheckout } from "./checkout.ts";
import type { Plan, PlanOptions, Wanted } from "./checkout.ts";
import { unprotectPath } from "./unprotect.ts";
import { removeUnusedLinks } from "./unusedLinks.ts";
import { temporaryFolder } from "../../../../tests/support/temporaryFolder.ts";

type Files = Record<string, string>;

let root: string;
let cache: ObjectDb;
let state: State;

beforeEach(() => {
  root = temporaryFolder("checkout-");
  mkdirSync(join(root, ".dvc"));
  state = memoryState();
  useLinks("copy");
});

function useLinks(...linkTypes: LinkType[]): void {
  cache = new ObjectDb(join(root, ".dvc/cache"), { layout: "3.x", state, linkTypes });
}

function canClone(from: string, to: string): boolean {
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(to, { force: true });
  }
}

function store(text: string): string {
  const oid = md5Bytes(Buffer.from(text));
  cache.addBytes(oid, Buffer.from(text));
  return oid;
}

function storeTree(files: Files): Tree {
  const tree = Tree.from(Object.entries(files).map(([relpath, text]) => ({ relpath, md5: store(text) })));
  cache.addTree(tree);
  return tree;
}

function folder(files: Files, path = "data", more: Partial<Wanted> = {}): Wanted {
  return { path: join(root, path), hash: { name: "md5", value: storeTree(files).oid }, meta: {}, key: path, ...more };
}

function file(text: string, path = "foo", more: Partial<Wanted> = {}): Wanted {
  return { path: join(root, path), hash: { name: "md5", value: store(text) }, meta: {}, key: path, ...more };
}

/** Writes files below the root; "" as a text makes a folder of a name that ends in "/". */
function write(files: Files): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(path, text);
  }
}

/** All files below a folder with their text, and empty folders. */
function read(name: string): Files {
  const found: Files = {};
  const walk = (rel: string): void => {
    const entries = readdirSync(join(root, name, rel), { withFileTypes: true });
    if (entries.length === 0 && rel !== "") found[`${rel}/`] = "";
    for (const entry of entries) {
      const below = rel === "" ? entry.name : `${rel}/${entry.name}`;
      if (entry.isDirectory()) walk(below);
      else found[below] = readFileSync(join(root, name, below), "utf8");
    }
  };
  walk("");
  return found;
}

function plan(wanted: Wanted | Wanted[], options: Partial<PlanOptions> = {}): Plan {
  return planCheckout([wanted].flat(), { root, cache, state, ...options });
}

async function checkout(wanted: Wanted | Wanted[], options: Partial<PlanOptions> = {}): Promise<Plan> {
  const made = plan(wanted, options);
  expect(made.unsaved).toEqual([]);
  await applyPlan(made);
  return made;
}

const summary = ({ items }: Plan): unknown[] =>
  items.map(({ change, create, modify, remove }) => ({ change, create: [...create], modify, remove }));
const nothing = { change: undefined, create: [], modify: [], remove: [] };
const leftovers = (): string[] =>
  [...readdirSync(root), ...readdirSync(join(root, ".dvc/tmp"))].filter((name) => name.includes("hftmp"));

describe("folders", () => {
  const files = { a: "A", "sub/b": "B", "sub/deep/c": "C" };

  it("are created whole, and then there is nothing to do", async () => {
    const want = folder(files);
    expect(summary(await checkout(want))).toEqual([
      { change: "A", create: ["a", "sub/b", "sub/deep/c"], modify: [], remove: [] },
    ]);
    expect(read("data")).toEqual(files);
    expect(statSync(join(root, "data/a")).mode & 0o777).toBe(newFileMode());
    expect(summary(await checkout(want))).toEqual([nothing]);
    expect(leftovers()).toEqual([]);
  });

  it("get what differs, lose what is extra, keep the rest untouched", async () => {
    await checkout(folder({ a: "A", "sub/b": "B", gone: "G", "old/x/y": "Y" }));
    const { ino } = statSync(join(root, "data/a"));
    const made = await checkout(folder({ a: "A", "sub/b": "B2", "new/n": "N", "new/m": "M" }));
    expect(summary(made)).toEqual([
      { change: "M", create: ["new/m", "new/n"], modify: ["sub/b"], remove: ["gone", "old", "old/x", "old/x/y"] },
    ]);
    expect(read("data")).toEqual({ a: "A", "sub/b": "B2", "new/n": "N", "new/m": "M" });
    expect(statSync(join(root, "data/a")).ino).toBe(ino);
  });

  it("remove empty folders that nothing lists", async () => {
    await checkout(folder(files));
    write({ "data/empty/er/": "" });
    expect(summary(await checkout(folder(files)))).toEqual([
      { ...nothing, change: "M", remove: ["empty", "empty/er"] },
    ]);
    expect(read("data")).toEqual(files);
  });

  it("may be empty", async () => {
    expect(summary(await checkout(folder({})))).toEqual([{ ...nothing, change: "A" }]);
    expect(readdirSync(join(root, "data"))).toEqual([]);
    expect(summary(await checkout(folder({})))).toEqual([nothing]);
  });

  it("turn into files and back", async () => {
    await checkout(folder({ x: "file", "y/z": "Z" }));
    await checkout(folder({ "x/deep": "D", y: "file" }));
    expect(read("data")).toEqual({ "x/deep": "D", y: "file" });
    await checkout(file("now a file", "data"));
    expect(readFileSync(join(root, "data"), "utf8")).toBe("now a file");
    await checkout(folder(files));
    expect(read("data")).toEqual(files);
  });

  it("are checked out in part", async () => {
    const want = folder(files);
    expect(summary(await checkout({ ...want, within: "sub/deep" }))).toMatchObject([
      { change: "A", create: ["sub/deep/c"] },
    ]);
    expect(read("data")).toEqual({ "sub/deep/c": "C" });
    write({ "data/sub/deep/junk": "A", "data/mine": "not looked at" });
    expect(summary(await checkout({ ...want, within: "sub" }))).toEqual([
      { change: "M", create: ["sub/b"], modify: [], remove: ["sub/deep/junk"] },
    ]);
    expect(summary(await checkout({ ...want, within: "a" }))).toMatchObject([{ change: "M", create: ["a"] }]);
    expect(read("data")).toEqual({ ...files, mine: "not looked at" });
    write({ "data/empty/": "" });
    expect(summary(await checkout({ ...want, within: "empty" }))).toMatchObject([{ change: "M", remove: ["empty"] }]);
  });

  it("leave ignored files, .git, .dvc and .dvcignore alone", async () => {
    await checkout(folder(files));
    const strangers = { "data/x.log": "log", "data/.git/HEAD": "h", "data/.dvcignore": "i", "data/skip/s": "s" };
    write(strangers);
    const ignore = { dir: (path: string) => path.endsWith("/skip"), file: (path: string) => path.endsWith(".log") };
    expect(summary(await checkout(folder(files), { ignore, force: true }))).toEqual([nothing]);
    for (const name of Object.keys(strangers)) expect(existsSync(join(root, name))).toBe(true);
  });
});

describe("files", () => {
  it("get their execute bit back", async () => {
    await checkout(file("#!", "run"));
    const want = file("#!", "run", { meta: { isexec: true } });
    expect(summary(await checkout(want))).toEqual([{ ...nothing, change: "M", modify: ["."] }]);
    expect(statSync(join(root, "run")).mode & 0o100).toBe(0o100);
    expect(summary(await checkout(want))).toEqual([nothing]);
    rmSync(join(root, "run"));
    await checkout(want);
    expect(statSync(join(root, "run")).mode & 0o100).toBe(0o100);
  });

  it("never share the execute bit with the object", async () => {
    for (const type of ["hardlink", "symlink"] as const) {
      useLinks(type);
      await checkout(file(`#!${type}`, type));
      const want = file(`#!${type}`, type, { meta: { isexec: true } });
      await checkout(want);
      expect(lstatSync(join(root, type)).mode & 0o100).toBe(0o100);
      expect(statSync(cache.pathOf(store(`#!${type}`))).mode & 0o777).toBe(0o444);
    }
  });
});

describe("unsaved content", () => {
  it("is named, and nothing is changed unless forced", async () => {
    await checkout(folder({ a: "A", b: "B" }));
    write({ "data/a": "edited", "data/extra": "new", "data/b": "A" });
    const made = plan(folder({ a: "A" }));
    // b holds what the cache has, so it is no loss.
    expect([...made.unsaved].sort()).toEqual([join(root, "data/a"), join(root, "data/extra")]);
    expect(read("data")).toEqual({ a: "edited", extra: "new", b: "A" });
    await checkout(folder({ a: "A" }), { force: true });
    expect(read("data")).toEqual({ a: "A" });
  });

  it("counts as unsaved when the cache's copy was edited", async () => {
    await checkout(file("first"));
    const object = cache.pathOf(store("first"));
    chmodSync(object, 0o644);
    writeFileSync(object, "FIRST");
    chmodSync(object, 0o444);
    expect(plan(file("second")).unsaved).toEqual([join(root, "foo")]);
    expect(quarantined(join(cache.root, "quarantine"))).toHaveLength(1);
  });

  it("that appears after the plan was made survives", async () => {
    const made = plan(file("wanted"));
    write({ foo: "just written" });
    await expect(applyPlan(made)).rejects.toThrow("was changed while");
    const again = plan(file("other"), { force: true });
    write({ foo: "written again, longer" });
    await expect(applyPlan(again)).rejects.toThrow("was changed while");
    expect(readFileSync(join(root, "foo"), "utf8")).toBe("written again, longer");
    expect(leftovers()).toEqual([]);
  });

  it("behind a linked folder is not followed", async () => {
    write({ "elsewhere/keep": "K" });
    symlinkSync(join(root, "elsewhere"), join(root, "data"));
    expect(plan(folder({ keep: "other" })).unsaved).toEqual([join(root, "data")]);
    await checkout(folder({ keep: "other" }), { force: true });
    expect(lstatSync(join(root, "data")).isDirectory()).toBe(true);
    expect(read("elsewhere")).toEqual({ keep: "K" });
  });
});

describe("missing objects", () => {
  it("leave the output as it is, and the others are done", async () => {
    await checkout(folder({ a: "A", b: "B" }));
    const want = folder({ a: "A2", b: "B2", c: "C2" });
    cache.remove(md5Bytes(Buffer.from("B2")));
    const made = await checkout([want, file("fine")]);
    expect(made.missing.map(({ wanted, oids }) => [wanted.key, oids])).toEqual([
      ["data", [md5Bytes(Buffer.from("B2"))]],
    ]);
    expect(read("data")).toEqual({ a: "A", b: "B" });
    expect(readFileSync(join(root, "foo"), "utf8")).toBe("fine");
  });

  it("with allowMissing, the other files are restored", async () => {
    const want = folder({ a: "A", b: "B" });
    cache.remove(md5Bytes(Buffer.from("B")));
    await checkout(want, { allowMissing: true });
    expect(read("data")).toEqual({ a: "A" });
  });

  it("and a missing manifest, and no recorded hash", async () => {
    write({ "data/mine": "M", made: "by hand" });
    const want = folder({ a: "A" });
    cache.remove(want.hash?.value ?? "");
    expect((await checkout(want, { force: true })).missing).toHaveLength(1);
    expect(read("data")).toEqual({ mine: "M" });
    const unrecorded: Wanted = { path: join(root, "made"), hash: undefined, meta: {}, key: 1 };
    expect(plan(unrecorded).unsaved).toEqual([join(root, "made")]);
    // DVC deletes it when forced; it is moved aside instead.
    expect((await checkout(unrecorded, { force: true })).missing).toHaveLength(1);
    expect(existsSync(join(root, "made"))).toBe(false);
    expect(readFileSync(join(root, ".dvc/tmp/displaced/made.displaced.1"), "utf8")).toBe("by hand");
  });
});

describe.each(["copy", "hardlink", "reflink"] as const)(
  "a large new folder, whose objects are looked at while it is built: %s",
  (type) => {
    const count = 1100;
    const files: Files = Object.fromEntries(
      Array.from({ length: count }, (_, nth) => [`d${String(nth % 7)}/f${String(nth)}`, `text ${String(nth)}`]),
    );
    files["large"] = "L".repeat(100_000);
    files["empty"] = "";
    let want: Wanted;
    beforeEach(() => {
      useLinks(type, "copy");
      want = folder(files);
    });
    const objectOf = (text: string): string => cache.pathOf(md5Bytes(Buffer.from(text)));

    it("is built, and its objects are remembered", async () => {
      await checkout(want);
      expect(read("data")).toEqual(files);
      expect(leftovers()).toEqual([]);
      rmSync(join(root, "data"), { recursive: true });
      await checkout(want);
      expect(read("data")).toEqual(files);
      expect(plan(want).items[0]?.change).toBeUndefined();
    });

    it("with missing objects it is not built, and all of them are named", async () => {
      for (const nth of [5, 1050]) rmSync(objectOf(`text ${String(nth)}`));
      write({ "data/d1/mine": "M" });
      const { missing } = await checkout([want, file("fine")], { force: true });
      expect(missing.map(({ oids }) => [...oids].sort())).toEqual([
        [md5Bytes(Buffer.from("text 5")), md5Bytes(Buffer.from("text 1050"))].sort(),
      ]);
      expect(read("data")).toEqual({ "d1/mine": "M" });
      expect(readFileSync(join(root, "foo"), "utf8")).toBe("fine");
      expect(leftovers()).toEqual([]);
      await checkout(want, { force: true, allowMissing: true });
      expect(Object.keys(read("data"))).toHaveLength(count);
    });

    it("with what would be lost there, it is refused only when it could be built", () => {
      write({ "data/d1/mine": "M" });
      expect(plan(want).unsaved).toEqual([join(root, "data/d1/mine")]);
      rmSync(objectOf("text 7"));
      const { unsaved, missing } = plan(want);
      expect(unsaved).toEqual([]);
      expect(missing).toHaveLength(1);
    });

    it("with damaged objects it is not built, and they are set aside", async () => {
      for (const text of ["text 9", files["large"] ?? ""]) {
        chmodSync(objectOf(text), 0o644);
        writeFileSync(objectOf(text), "X".repeat(text.length));
        chmodSync(objectOf(text), 0o444);
      }
      const { missing } = await checkout(want);
      expect(missing[0]?.oids).toHaveLength(2);
      expect(existsSync(join(root, "data"))).toBe(false);
      expect(quarantined(join(cache.root, "quarantine"))).toHaveLength(2);
      expect(leftovers()).toEqual([]);
    });

    it("an object that hashes right on the second look is used", async () => {
      const path = objectOf("text 9");
      chmodSync(path, 0o644);
      writeFileSync(path, "XXXX 9");
      chmodSync(path, 0o444);
      const made = plan(want);
      const repair = (point: string): void => {
        if (point !== "built") return;
        chmodSync(path, 0o644);
        writeFileSync(path, "text 9");
        chmodSync(path, 0o444);
      };
      await applyPlan(made, { onPoint: repair });
      expect(made.missing).toEqual([]);
      expect(read("data")).toEqual(files);
      expect(quarantined(join(cache.root, "quarantine"))).toEqual([]);
    });

    it("sound objects with another mode get theirs back, damaged ones are set aside", async () => {
      chmodSync(objectOf("text 9"), 0o644);
      await checkout(want);
      expect(statSync(objectOf("text 9")).mode & 0o777).toBe(0o444);
      expect(read("data")).toEqual(files);
      rmSync(join(root, "data"), { recursive: true });
      chmodSync(objectOf("text 8"), 0o644);
      writeFileSync(objectOf("text 8"), "edited");
      expect((await checkout(want)).missing).toHaveLength(1);
      expect(quarantined(join(cache.root, "quarantine"))).toHaveLength(1);
    });
  },
);

describe("a cache that was edited", () => {
  it.each(["copy", "hardlink", "symlink", "reflink"] as const)("never reaches the workspace: %s", async (type) => {
    useLinks(type, "copy");
    const want = folder({ a: "A".repeat(40_000), b: "B" });
    await checkout(file("other"));
    const object = cache.pathOf(store("A".repeat(40_000)));
    chmodSync(object, 0o644);
    writeFileSync(object, "X".repeat(40_000));
    chmodSync(object, 0o444);
    const made = await checkout(want);
    expect(made.missing).toHaveLength(1);
    expect(existsSync(join(root, "data"))).toBe(false);
    expect(quarantined(join(cache.root, "quarantine"))).toHaveLength(1);
    expect(leftovers()).toEqual([]);
  });

  it("objects are hashed once, and then remembered", async () => {
    await checkout(folder({ a: "A" }));
    await new Promise((resolve) => setTimeout(resolve, 40));
    rmSync(join(root, "data"), { recursive: true });
    await checkout(folder({ a: "A" }));
    rmSync(join(root, "data"), { recursive: true });
    expect(plan(folder({ a: "A" })).items.map(({ work }) => [...work.jobs])).toMatchObject([
      [{ rel: "a", trusted: true }],
    ]);
  });
});

describe("links", () => {
  it("are of the wanted kind, empty files are copies", async () => {
    const files = { a: "A", empty: "" };
    useLinks("hardlink");
    await checkout(folder(files, "hard"));
    expect(statSync(join(root, "hard/a")).ino).toBe(statSync(cache.pathOf(store("A"))).ino);
    expect(statSync(join(root, "hard/a")).mode & 0o777).toBe(0o444);
    expect(statSync(join(root, "hard/empty")).nlink).toBe(1);
    useLinks("symlink");
    await checkout(folder(files, "sym"));
    expect(readlinkSync(join(root, "sym/a"))).toBe(cache.pathOf(store("A")));
    expect(summary(await checkout([folder(files, "hard"), folder(files, "sym")]))).toEqual([nothing, nothing]);
  });

  it("fall back, and fail when nothing works", async () => {
    useLinks("reflink", "hardlink");
    await checkout(file("x".repeat(50_000)));
    expect(readFileSync(join(root, "foo"), "utf8")).toBe("x".repeat(50_000));
    useLinks();
    const made = plan(file("other", "bar"));
    await expect(applyPlan(made)).rejects.toThrow("No possible cache link types for");
    expect(leftovers()).toEqual([]);
  });

  it("are renewed by relink only where they differ, and undone by unprotect", async () => {
    const want = folder({ a: "A", "s/b": "B" });
    await checkout(want);
    useLinks("hardlink");
    expect(summary(await checkout(want))).toEqual([nothing]);
    const made = await checkout(want, { relink: true });
    expect(made.items[0]).toMatchObject({ change: undefined, relink: ["a", "s/b"] });
    expect(statSync(join(root, "data/a")).ino).toBe(statSync(cache.pathOf(store("A"))).ino);
    expect((await checkout(want, { relink: true })).items[0]?.relink).toEqual([]);
    unprotectPath(join(root, "data"));
    for (const name of ["a", "s/b"]) {
      expect(statSync(join(root, "data", name)).nlink).toBe(1);
      expect(statSync(join(root, "data", name)).mode & 0o200).toBe(0o200);
    }
    expect(statSync(cache.pathOf(store("A"))).mode & 0o777).toBe(0o444);
    expect(read("data")).toEqual({ a: "A", "s/b": "B" });
  });

  it("are renewed for empty files as for others, but not where that takes the execute bit away", async () => {
    const want = folder({ a: "A", empty: "", run: "R" });
    await checkout(want);
    chmodSync(join(root, "data/run"), 0o755);
    useLinks("symlink");
    expect((await checkout(want, { relink: true, keepExec: true })).items[0]?.relink).toEqual(["a", "empty"]);
    expect(readlinkSync(join(root, "data/empty"))).toBe(cache.pathOf(store("")));
    expect(statSync(join(root, "data/run")).mode & 0o777).toBe(0o755);
    expect((await checkout(want, { relink: true })).items[0]?.relink).toEqual(["run"]);
    useLinks("hardlink");
    await checkout(want, { relink: true });
    expect(statSync(join(root, "data/empty")).nlink).toBe(1);
    expect((await checkout(want, { relink: true })).items[0]?.relink).toEqual([]);
  });

  it("are of the second type where the first is a clone that the file system can't make", async () => {
    const want = folder({ a: "A", "s/b": "B" });
    await checkout(want);
    useLinks("reflink", "symlink");
    const clones = canClone(cache.pathOf(store("A")), join(root, "clone"));
    expect((await checkout(want, { relink: true })).items[0]?.relink).toEqual(clones ? [] : ["a", "s/b"]);
    expect(lstatSync(join(root, "data/a")).isSymbolicLink()).toBe(!clones);
    expect((await checkout(want, { relink: true })).items[0]?.relink).toEqual([]);
  });

  it("into a cache that was moved are no loss", async () => {
    useLinks("symlink");
    await checkout(file("foo"));
    renameSync(join(root, ".dvc/cache"), join(root, ".dvc/other"));
    cache = new ObjectDb(join(root, ".dvc/other"), { layout: "3.x", state, linkTypes: ["symlink"] });
    await checkout(file("foo"));
    expect(readlinkSync(join(root, "foo"))).toBe(cache.pathOf(store("foo")));
  });
});

describe("unused links", () => {
  it("go when unchanged and restorable, and stay otherwise", async () => {
    await checkout([
      folder({ a: "A", "s/b": "B" }),
      file("foo"),
      file("edited", "e"),
      file("uncached", "u"),
      file("kept", "k"),
    ]);
    write({ e: "edited since" });
    cache.remove(md5Bytes(Buffer.from("uncached")));
    write({ "other/mine": "never ours" });
    const removed = removeUnusedLinks(root, [join(root, "k")], state, [cache]);
    expect(removed.sort()).toEqual([`${join(root, "data")}/`, join(root, "foo")]);
    expect(readdirSync(root).sort()).toEqual([".dvc", "e", "k", "other", "u"]);
    expect(removeUnusedLinks(root, [], state, [cache])).toEqual([join(root, "k")]);
  });

  it("stay when the folder gained or lost a file, or lies in an output", async () => {
    await checkout([folder({ a: "A" }, "gained"), folder({ a: "A", b: "B" }, "lost"), folder({ a: "A" }, "in/side")]);
    write({ "gained/new": "n" });
    rmSync(join(root, "lost/b"));
    expect(removeUnusedLinks(root, [join(root, "in")], state, [cache])).toEqual([]);
    expect(read("gained")).toEqual({ a: "A", new: "n" });
  });

  it("stay when they hold an output, and go beside one whose name begins as theirs", async () => {
    await checkout([folder({ "sub/a": "A" }, "holds"), folder({ a: "A" }, "data"), file("B", "data.old")]);
    const removed = removeUnusedLinks(root, [join(root, "holds/sub/a"), join(root, "data.olds")], state, [cache]);
    expect(removed.sort()).toEqual([join(root, "data.old"), `${join(root, "data")}/`].sort());
    expect(read("holds")).toEqual({ "sub/a": "A" });
  });
});

describe("paths that leave", () => {
  it("are refused before anything is written", () => {
    const outside = temporaryFolder("outside-");
    symlinkSync(outside, join(root, "link"));
    symlinkSync(join(root, ".dvc"), join(root, "inner"));
    for (const path of ["link/foo", "inner/foo", ".git/hooks/x", ".dvc/config", "../foo", "sub/.GIT/x"])
      expect(() => plan({ ...file("x"), path: join(root, path) })).toThrow(/refusing to write/);
    expect(() => plan({ ...folder({ "link/x": "X" }), path: root, within: "link/x" })).toThrow(/refusing to write/);
    expect(readdirSync(outside)).toEqual([]);
  });

  it("inside a folder: a link on the way is replaced, not followed", async () => {
    const outside = temporaryFolder("outside-");
    mkdirSync(join(root, "data"));
    symlinkSync(outside, join(root, "data/sub"));
    await checkout(folder({ "sub/x": "X" }), { force: true });
    expect(read("data")).toEqual({ "sub/x": "X" });
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe("interruption", () => {
  it("by a signal leaves the old content and no litter", async () => {
    await checkout(folder({ a: "A" }));
    const abort = new AbortController();
    const made = plan(folder({ a: "A2", b: "B2" }));
    const running = applyPlan(made, {
      signal: abort.signal,
      onPoint: () => {
        abort.abort(new Error("stop"));
      },
    });
    await expect(running).rejects.toThrow("stop");
    expect(read("data")).toEqual({ a: "A" });
    expect(leftovers()).toEqual([]);
  });
});
