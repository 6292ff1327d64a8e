import { describe, expect, it } from "vitest";
import { entryText } from "./display.ts";
import { stageStatus } from "./changed.ts";
import type { PresentState, StageStatus } from "./changed.ts";
import { loadDvcFile } from "./load.ts";
import { project, ROOT, stagesOf } from "./testProject.ts";

const A = "0".repeat(32);
const B = "1".repeat(32);

/** `now`: hash by path; `texts`: params files. */
function present(
  now: Record<string, string>,
  more: Partial<PresentState> & { texts?: Record<string, string> } = {},
): PresentState {
  const { texts = {}, ...rest } = more;
  return {
    hashOf: (entry) => now[entry.defPath],
    inCache: (out) => out.hash?.value === A,
    text: (entry) => entryText(entry, { root: ROOT }),
    readText: (path) => texts[path],
    ...rest,
  };
}

const YAML =
  "stages:\n  s:\n    cmd: new\n    deps: [d1, d2, d3]\n    params: [lr, l.0, gone, {w.json: }]\n    outs: [o1, o2, o3, o4]\n";
const entry = (path: string, md5: string): string => `    - {path: ${path}, hash: md5, md5: '${md5}'}\n`;
const LOCK = `schema: '2.0'\nstages:\n  s:\n    cmd: old\n    deps:\n${entry("d1", A)}${entry("d2", A)}${entry("d3", A)}    params:\n      params.yaml: {lr: 1, l.0: x, gone: 1}\n      w.json: {a: 1, b: 2}\n    outs:\n${entry("o1", A)}${entry("o2", A)}${entry("o3", B)}`;

describe("stageStatus", () => {
  const status = (files: Record<string, string>, state: PresentState): StageStatus | undefined =>
    stagesOf(files).map((stage) => stageStatus(stage, state))[0];

  it("says what changed in DVC's words and order", () => {
    const texts = { "/repo/params.yaml": "lr: 1.0\nl: [y]\n", "/repo/w.json": '{"b": 2, "c": 3}' };
    expect(
      status({ "dvc.yaml": YAML, "dvc.lock": LOCK }, present({ d1: A, d2: B, o1: A, o3: B, o4: A }, { texts })),
    ).toEqual([
      {
        "changed deps": {
          d2: "modified",
          d3: "deleted",
          "params.yaml": { "l.0": "modified", gone: "deleted" },
          "w.json": { c: "new", a: "deleted" },
        },
      },
      { "changed outs": { o2: "deleted", o3: "not in cache", o4: "modified" } },
      "changed command",
    ]);
  });

  it("treats what was never locked as DVC does", () => {
    expect(
      status({ "dvc.yaml": YAML }, present({ d1: A, d2: A, d3: A }, { texts: { "/repo/params.yaml": "" } })),
    ).toEqual([
      { "changed deps": { d1: "modified", d2: "modified", d3: "modified", "params.yaml": "new", "w.json": "deleted" } },
      { "changed outs": { o1: "deleted", o2: "deleted", o3: "deleted", o4: "deleted" } },
    ]);
  });

  it("is empty when nothing changed; frozen stages keep quiet on dependencies; callbacks never do", () => {
    const yaml = "stages:\n  s:\n    cmd: old\n    deps: [d1]\n    outs: [o1]\n";
    const lock = `schema: '2.0'\nstages:\n  s:\n    cmd: old\n    deps:\n${entry("d1", A)}    outs:\n${entry("o1", A)}`;
    const files = { "dvc.yaml": yaml, "dvc.lock": lock };
    expect(status(files, present({ d1: A, o1: A }))).toEqual([]);
    expect(status({ ...files, "dvc.yaml": `${yaml}    frozen: true\n` }, present({ o1: A }))).toEqual([]);
    expect(status({ "dvc.yaml": "stages:\n  s:\n    cmd: x\n" }, present({}))).toEqual(["always changed"]);
  });

  it("asks imports for updates though they are frozen, and checks their checksum", () => {
    const text = (url: string): string =>
      `md5: e0a9c1c9d1b5e1a7c0ffee00c0ffee00\nfrozen: true\ndeps:\n- path: data.txt\n  repo:\n    url: ${url}\n    rev_lock: 71c1824813cd518361f9e6e411a6d6baa0bd24a2\nouts:\n- md5: '${A}'\n  hash: md5\n  path: data.txt\n`;
    const stage = loadDvcFile(`${ROOT}/x.dvc`, project({ "x.dvc": text("../src") }), { root: ROOT });
    expect(stageStatus(stage, present({ "data.txt": A }, { updateOf: () => "update available" }))).toEqual([
      { "changed deps": { "data.txt (../src)": "update available" } },
      "changed checksum",
    ]);
    expect(stageStatus(stage, present({ "data.txt": A }))).toEqual(["changed checksum"]);
  });
});
