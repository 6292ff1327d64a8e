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
