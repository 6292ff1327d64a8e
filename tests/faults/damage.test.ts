import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { flip } from "../support/damage.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;

beforeEach(() => {
  rig = new Rig().project();
  rig.ok("remote", "add", "-q", "-d", "r", rig.path("../remote"));
  for (const name of ["a", "b", "c"]) rig.write(`data/${name}`, `content of ${name}`);
  rig.ok("add", "-q", "data");
});

afterEach(() => {
  rig.close();
});

const objectOf = (text: string): string => {
  const md5 = createHash("md5").update(text).digest("hex");
  return join("files", "md5", md5.slice(0, 2), md5.slice(2));
};

it("a damaged object of the cache is never pushed, but kept aside and named", () => {
  flip(rig.path(join(".dvc/cache", objectOf("content of a"))));
  const ran = rig.run(["push"]);
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("is damaged");
  expect(readdirSync(rig.path(".dvc/tmp/quarantine"))).toHaveLength(1);
  rig.ok("add", "-q", "data");
  rig.ok("push");
  expect(readFileSync(rig.path(join("../remote", objectOf("content of a"))), "utf8")).toBe("content of a");
});

it("a damaged object never reaches the workspace; a fetch heals it", () => {
  rig.ok("push");
  flip(rig.path(join(".dvc/cache", objectOf("content of b"))));
  rmSync(rig.path("data"), { recursive: true });
  const ran = rig.run(["checkout"]);
  expect(ran.code).toBe(255);
  expect(ran.err).toContain("corrupted cache file");
  expect(rig.read("data/b")).toBeUndefined();
  rig.ok("pull");
  expect(rig.read("data/b")).toBe("content of b");
});

it.each(["copy", "hardlink", "symlink"])("no damaged object of any size reaches the workspace by %s", (type) => {
  rig.ok("config", "cache.type", type);
  const texts = [10, 100_000, 1_500_000, 9_000_000].map((size, at) => String(at).repeat(size));
  for (const [at, text] of texts.entries()) rig.write(`sizes/${String(at)}`, text);
  rig.write("sizes/sound", "sound");
  rig.ok("add", "-q", "sizes");
  for (const text of texts) flip(rig.path(join(".dvc/cache", objectOf(text))));
  rmSync(rig.path("sizes"), { recursive: true });
  expect(rig.run(["checkout"]).err).toContain("corrupted cache file");
  rig.ok("checkout", "--allow-missing");
  for (const [at] of texts.entries()) expect(rig.read(`sizes/${String(at)}`)).toBeUndefined();
  expect(rig.read("sizes/sound")).toBe("sound");
  expect(readdirSync(rig.path(".dvc/tmp/quarantine"))).toHaveLength(texts.length);
});

it("a damaged object of the remote is refused, and stays there", () => {
  rig.ok("push");
  const there = rig.path(join("../remote", objectOf("content of c")));
  flip(there);
  for (const name of [".dvc/cache", "data"]) rmSync(rig.path(name), { recursive: true });
  const ran = rig.run(["pull"]);
  expect(ran.code).toBe(1);
  expect(ran.err).toContain(there);
  expect(rig.read("data/c")).toBeUndefined();
  expect(statSync(there).size).toBeGreaterThan(0);
});

it("checkout asks before it replaces what nothing else holds", () => {
  rig.write("data/a", "PRECIOUS");
  rig.write("data/new", "UNTRACKED");
  const ran = rig.run(["checkout"]);
  expect(ran.code).toBe(255);
  expect(ran.err).toContain("unsaved");
  expect([rig.read("data/a"), rig.read("data/new")]).toEqual(["PRECIOUS", "UNTRACKED"]);
});

it("gc removes nothing when a branch or a manifest cannot be read", () => {
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "one");
  rig.git("checkout", "-q", "-b", "broken");
  rig.write("data.dvc", "outs: [\n");
  rig.git("commit", "-q", "-a", "-m", "broken");
  rig.git("checkout", "-q", "main");
  rig.write("data/a", "other");
  rig.ok("add", "-q", "data");
  const count = (): number => readdirSync(rig.path(".dvc/cache"), { recursive: true }).length;
  const before = count();
  expect(rig.run(["gc", "-af"]).code).toBe(255);
  expect(count()).toBe(before);
});

it("two parts of a tracked folder are added by one command", () => {
  rig.write("data/x/1", "one");
  rig.write("data/y/2", "two");
  rig.ok("add", "-q", "data/x", "data/y");
  expect(rig.ok("status")).toContain("up to date");
  rmSync(rig.path("data"), { recursive: true });
  rig.ok("checkout");
  expect([rig.read("data/x/1"), rig.read("data/y/2")]).toEqual(["one", "two"]);
});

it("unprotect clears away the unfinished copy of a killed run", () => {
  rig.write("data/.a.4194999-x1.hftmp", "cont");
  rig.ok("unprotect", "data");
  expect(rig.ok("status")).toContain("up to date");
});
