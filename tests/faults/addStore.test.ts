import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { build } from "../../packages/core/src/data/build.ts";
import { ObjectDb } from "../../packages/core/src/odb/objectDb.ts";
import { BINARY, Rig } from "../support/rig.ts";

const FAULTS = resolve("tests/faults/threadDeath.cjs");
const MIB = 1 << 20;
/** Large enough for a thread of its own, mostly holes. */
const LARGE = 80 * MIB;

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  rig.ok("init", "-q", "--no-scm");
});
afterEach(() => {
  rig.close();
});

const md5 = (path: string): string => createHash("md5").update(readFileSync(path)).digest("hex");
const cacheFolder = (): string => rig.path(".dvc/cache/files/md5");
const objectPath = (oid: string): string => join(cacheFolder(), oid.slice(0, 2), oid.slice(2));
const recorded = (name: string): string => /md5: ([0-9a-f]{32})/.exec(rig.read(`${name}.dvc`) ?? "")?.[1] ?? "none";
const staged = (): string[] =>
  existsSync(cacheFolder()) ? readdirSync(cacheFolder()).filter((name) => name.startsWith(".")) : [];

function put(path: string, at: number, text: string): void {
  const fd = openSync(path, existsSync(path) ? "r+" : "w");
  writeSync(fd, text, at);
  closeSync(fd);
}

function makeLarge(): string {
  const path = rig.path("large");
  for (let at = 0; at < LARGE; at += 7 * MIB) put(path, at, `part at ${String(at)}`);
  put(path, LARGE, "end");
  return path;
}

/** Every object that has its final name holds the bytes of that name. */
function objects(): string[] {
  return readdirSync(cacheFolder())
    .filter((name) => name.length === 2)
    .flatMap((shard) => readdirSync(join(cacheFolder(), shard)).map((rest) => shard + rest))
    .filter((oid) => /^[0-9a-f]{32}(\.dir)?$/.test(oid))
    .map((oid) => {
      expect(md5(objectPath(oid)), oid).toBe(oid.slice(0, 32));
      expect(statSync(objectPath(oid)).mode & 0o777).toBe(0o444);
      return oid;
    });
}

describe("one large file", () => {
  it("is stored by two threads", () => {
    const path = makeLarge();
    rig.ok("add", "-q", "large");
    expect(recorded("large")).toBe(md5(path));
    expect(objects()).toEqual([md5(path)]);
    expect(staged()).toEqual([]);
  });

  it("is stored by one thread when asked to", async () => {
    const path = makeLarge();
    const store = new ObjectDb(rig.path(".dvc/cache"), { layout: "3.x" });
    const built = await build(path, { store, jobs: 1 });
    expect(built.hash.value).toBe(md5(path));
    expect(objects()).toEqual([md5(path)]);
  });

  it("that is changed while it is read is read again", { timeout: 20_000 }, async () => {
    const path = makeLarge();
    const before = md5(path);
    const child = spawn(process.execPath, [BINARY, "add", "-q", "large"], {
      cwd: rig.dir,
      env: rig.env,
      stdio: "ignore",
    });
    const ended = new Promise((done) => child.once("exit", done));
    while (staged().length === 0 && child.exitCode === null) await new Promise(setImmediate);
    child.kill("SIGSTOP");
    // Its first bytes were read by then, or soon will be: old and new must not be mixed.
    const isUnderWay = staged().length > 0;
    put(path, 0, "CHANGED");
    put(path, LARGE, "END");
    child.kill("SIGCONT");
    expect(await ended).toBe(0);
    expect(isUnderWay).toBe(true);
    expect(recorded("large")).toBe(md5(path));
    expect(recorded("large")).not.toBe(before);
    expect(objects()).toEqual([md5(path)]);
    expect(staged()).toEqual([]);
  });
});

/** Writes `count` small files of `distinct` kinds. @returns their hashes. */
function makeMany(count: number, distinct = count - 20): Set<string> {
  const hashes = new Set<string>();
  for (let nth = 0; nth < count; nth++) {
    const text = `file ${String(nth % distinct)}`;
    if (nth < 8) mkdirSync(rig.path(`data/d${String(nth)}`), { recursive: true });
    writeFileSync(rig.path(`data/d${String(nth % 8)}/f${String(nth)}`), text);
    hashes.add(createHash("md5").update(text).digest("hex"));
  }
  return hashes;
}

function expectAdded(hashes: ReadonlySet<string>): void {
  const files = objects().filter((oid) => !oid.endsWith(".dir"));
  expect(files.sort()).toEqual([...hashes].sort());
  expect(rig.ok("status")).toContain("up to date");
}

const faulty = (fault: string): { env: Record<string, string> } => ({
  env: { NODE_OPTIONS: `--require=${FAULTS}`, HOLDFAST_FAULT: fault, HOLDFAST_DIED: rig.path("died") },
});

describe("many small files", () => {
  it("are stored beside another process that makes the same folders", async () => {
    const hashes = makeMany(1100);
    const store = new ObjectDb(rig.path(".dvc/cache"), { layout: "3.x" });
    const [first = "", second = ""] = hashes;
    const theirs = createHash("md5").update("theirs").digest("hex");
    const reporter = {
      emit: ({ type }: { type: string }) => {
        if (type !== "start") return;
        const other = new ObjectDb(rig.path(".dvc/cache"), { layout: "3.x" });
        other.addBytes(theirs, Buffer.from("theirs"));
        for (const [oid, text] of [
          [first, "file 0"],
          [second, "file 1"],
        ] as const)
          other.addBytes(oid, Buffer.from(text));
        mkdirSync(join(cacheFolder(), [...hashes].find((oid) => !readable(oid))?.slice(0, 2) ?? "00"), {
          recursive: true,
        });
      },
    };
    await build(rig.path("data"), { store, reporter });
    expect(objects().sort()).toEqual([...hashes, theirs, ...objects().filter((oid) => oid.endsWith(".dir"))].sort());
    expect(staged()).toEqual([]);
  });

  it("are all stored when a thread dies over them", () => {
    const hashes = makeMany(4100);
    const ran = rig.run(["add", "-q", "data"], faulty("thread 5"));
    expect(existsSync(rig.path("died"))).toBe(true);
    expect(ran).toMatchObject({ code: 0, err: "" });
    expectAdded(hashes);
    expect(staged()).toEqual([]);
  });

  it.each(["rename 1", "rename 100", "manifest 1"])(
    "killed on disk before %s, a plain second run finishes",
    (fault) => {
      const hashes = makeMany(1100);
      expect(rig.run(["add", "-q", "data"], faulty(fault)).code).not.toBe(0);
      objects();
      expect(existsSync(rig.path("data.dvc"))).toBe(false);
      rig.ok("add", "-q", "data");
      expectAdded(hashes);
    },
  );
});

describe("a checkout of many small files", () => {
  it("is whole when a thread dies over it", () => {
    makeMany(5100, 50);
    rig.ok("add", "-q", "data");
    renameSync(rig.path("data"), rig.path("../aside"));
    const ran = rig.run(["checkout", "-q"], faulty("thread 5"));
    expect(existsSync(rig.path("died"))).toBe(true);
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(rig.ok("status")).toContain("up to date");
    expect(readdirSync(rig.path("data"), { recursive: true })).toHaveLength(5108);
    expect(readFileSync(rig.path("data/d3/f5099"), "utf8")).toBe("file 49");
  });
});

function readable(oid: string): boolean {
  return existsSync(objectPath(oid));
}
