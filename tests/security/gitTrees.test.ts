import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { withstands } from "../support/hostile.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
let source: string;
beforeEach(() => {
  rig = new Rig().project();
  source = rig.path("../source");
  rig.git("init", "-q", "-b", "main", source);
});
afterEach(() => {
  rig.close();
});

const inSource = (args: readonly string[], input?: string | Buffer): string =>
  execFileSync("git", args, {
    cwd: source,
    env: rig.env,
    encoding: "latin1",
    ...(input === undefined ? {} : { input }),
  }).trim();
const blob = (text: string): string => inSource(["hash-object", "-w", "--stdin"], text);

type Entry = readonly [mode: string, name: string, sha: string];

/** A tree as Git itself would never make it. */
function tree(...entries: readonly Entry[]): string {
  const parts = entries.map(([mode, name, sha]) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(sha, "hex")]),
  );
  return inSource(["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], Buffer.concat(parts));
}

function commit(...entries: readonly Entry[]): void {
  const top = tree(["40000", "data", tree(...entries, ["100644", "ok", blob("ok")])]);
  inSource(["update-ref", "refs/heads/main", inSource(["commit-tree", top, "-m", "hostile"])]);
}

const folder = (name: string): Entry => ["40000", name, tree(["100644", "x", blob("evil")])];

it.each<[what: string, entry: () => Entry]>([
  ["a folder ..", () => folder("..")],
  ["a folder .", () => folder(".")],
  ["a folder .git", () => folder(".git")],
  ["a folder .GIT", () => folder(".GIT")],
  ["a file ..", () => ["100644", "..", blob("evil")]],
  ["a name with slashes", () => ["100644", "a/../../../evil", blob("evil")]],
  ["an absolute name", () => ["100644", "/tmp/holdfast-evil", blob("evil")]],
  ["an empty name", () => ["100644", "", blob("evil")]],
  ["a link that leaves it", () => ["120000", "out", blob("../../../evil")]],
  ["a link to a file of the machine", () => ["120000", "out", blob("/etc/hostname")]],
  ["a link to itself", () => ["120000", "ring", blob("ring")]],
])("a commit with %s is refused by get, import and list, soon, and nothing is written", (what, entry) => {
  commit(entry());
  for (const url of [source, `file://${source}`])
    for (const words of [["get"], ["import"], ["list", "-R"]]) {
      const [verb = "", ...rest] = words;
      const path = verb === "list" ? [] : ["data"];
      const { code } = withstands(rig, [verb, ...rest, url, ...path, "--rev", "main"], what);
      if (verb !== "list") expect([what, verb, code]).not.toEqual([what, verb, 0]);
    }
  expect([existsSync("/tmp/holdfast-evil"), existsSync(rig.path("../evil"))]).toEqual([false, false]);
  expect(readdirSync(join(rig.dir, "..")).includes("evil")).toBe(false);
});

it("a commit of a billion files, in ten trees, is looked at no further, in little memory", () => {
  let files = tree(...Array.from({ length: 10 }, (_, n): Entry => ["100644", `f${String(n)}`, blob("x")]));
  for (let depth = 0; depth < 8; depth++)
    files = tree(...Array.from({ length: 10 }, (_, n): Entry => ["40000", `d${String(n)}`, files]));
  const made = inSource(["commit-tree", files, "-m", "bomb"]);
  inSource(["update-ref", "refs/heads/main", made]);
  rig.git("fetch", "-q", source, "main:bomb");
  for (const words of [
    ["list", source, "--rev", "main"],
    ["diff", "bomb"],
    ["gc", "-a", "-f"],
    ["snapshot", "show", "bomb"],
    ["params", "diff", "bomb"],
  ]) {
    const { err } = withstands(rig, words, "a bomb");
    expect([words, err]).toEqual([words, expect.stringContaining("holds more files than can be looked at")]);
  }
});

it("a file of 80 MB, packed into little, is not read for what it says", () => {
  const huge = inSource(["hash-object", "-w", "--stdin"], Buffer.alloc(80_000_000, "a"));
  const names = ["dvc.yaml", "m.json", "x.dvc", "params.yaml", ".dvcignore"];
  const entries = names.map((name): Entry => ["100644", name, huge]);
  inSource(["update-ref", "refs/heads/main", inSource(["commit-tree", tree(...entries), "-m", "large"])]);
  rig.git("fetch", "-q", source, "main:large");
  rig.write("dvc.yaml", "metrics: [m.json]\nplots: [m.json]\n");
  rig.write("m.json", "{}");
  for (const words of [
    ["diff", "large"],
    ["metrics", "diff", "large"],
    ["plots", "diff", "large", "--json"],
    ["plots", "diff", "large", "--json", "--targets", "m.json"],
    ["gc", "-a", "-f"],
  ])
    withstands(rig, words, "a large file");
});

it("an import that leads to itself, at once or through others, is told as a circle", () => {
  const at = (name: string): string => rig.path(`../${name}`);
  const file = (url: string): string =>
    `frozen: true\ndeps:\n- path: data\n  repo: {url: ${url}}\nouts:\n- path: data\n  md5: ${"a".repeat(32)}.dir\n`;
  for (const [name, other] of [
    ["one", "two"],
    ["two", "one"],
    ["self", "self"],
  ] as const) {
    rig.git("clone", "-q", rig.dir, at(name));
    rig.write(`../${name}/data.dvc`, file(at(other)));
    rig.git("-C", at(name), "add", ".");
    rig.git("-C", at(name), "commit", "-q", "-m", "a circle");
  }
  for (const url of [at("one"), at("self"), `file://${at("self")}`])
    for (const words of [
      ["get", url, "data"],
      ["list", "-R", url],
      ["import", url, "data"],
    ]) {
      const { code, err } = withstands(rig, words, "a circle");
      expect([words, code, err]).toEqual([words, expect.any(Number), expect.stringContaining("imported in a circle")]);
    }
});
