import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dumpYaml } from "../formats/yaml.ts";
import { projectData } from "./stageData.ts";
import { type StageDefinition, stageOfDefinition, withKeptFields } from "./stageAdd.ts";
import type { Stage } from "./stage.ts";
import { messageOf } from "./testProject.ts";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "stage-")));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const stageOf = (definition: Partial<StageDefinition>, folder = root): Stage =>
  stageOfDefinition({ name: "s", cmd: "true", ...definition }, folder, { root });
const problem = (definition: Partial<StageDefinition>): string => messageOf(() => stageOf(definition));

describe("stageOfDefinition", () => {
  it("makes the entry that DVC 3.67.1 writes", () => {
    const stage = stageOf({
      params: ["a,b", "p2.json:", "p3.yaml:x", "c:\\d:y"],
      deps: ["z", "./y"],
      outs: ["zz", "./yy"],
      outsPersist: ["op"],
      outsPersistNoCache: ["opn"],
      outsNoCache: ["onc"],
      metrics: ["m.json"],
      metricsNoCache: ["m2.json"],
      plots: ["p.csv"],
      plotsNoCache: ["p2.csv"],
      alwaysChanged: true,
      desc: "for people",
    });
    expect(dumpYaml(projectData(stage))).toBe(`desc: for people
cmd: 'true'
deps:
- ./y
- z
params:
- a
- b
- c:\\d:
  - y
- p2.json:
- p3.yaml:
  - x
outs:
- ./yy
- onc:
    cache: false
- op:
    persist: true
- opn:
    cache: false
    persist: true
- zz
metrics:
- m.json
- m2.json:
    cache: false
plots:
- p.csv
- p2.csv:
    cache: false
always_changed: true
`);
  });

  it("takes paths relative to wdir, and wdir relative to the working folder", () => {
    mkdirSync(join(root, "sub", "work"), { recursive: true });
    const stage = stageOf({ wdir: "work", outs: ["o"] }, join(root, "sub"));
    expect(stage.file).toBe(join(root, "sub", "dvc.yaml"));
    expect(stage.outs[0]?.path).toBe(join(root, "sub", "work", "o"));
    expect(projectData(stage)).toEqual({ cmd: "true", wdir: "work", outs: ["o"] });
  });

  it("refuses in DVC's words what does not fit", () => {
    writeFileSync(join(root, "file"), "");
    expect(problem({ cmd: " " })).toBe("command is not specified");
    expect(problem({ name: "a.b" })).toBe("Stage name cannot contain punctuation characters.");
    expect(problem({ name: "a_b-c" })).toMatch(/^nothing thrown/);
    expect(problem({ wdir: "nope" })).toBe(`stage working dir '${root}/nope' does not exist`);
    expect(problem({ wdir: "file" })).toBe(`stage working dir '${root}/file' is not directory`);
    expect(problem({ wdir: ".." })).toMatch(/^stage working dir '.*' is outside of DVC repo$/);
    expect(problem({ outs: ["a", "./a"] })).toBe(`file '${root}/a' is specified more than once.`);
    expect(problem({ outs: ["a"], metrics: ["a"] })).toBe(`file '${root}/a' is specified more than once.`);
    expect(problem({ deps: ["a", "a"] })).toBe(`file '${root}/a' is specified more than once.`);
    expect(problem({ deps: ["a"], outs: ["a"] })).toBe(`'${root}/a' is specified as an output and as a dependency.`);
    expect(problem({ outs: ["x.dvc"] })).toBe("DVC file 'x.dvc' cannot be an output.");
    expect(problem({ outs: [".git/config"] })).toContain("it touches '.git'");
  });
});

describe("withKeptFields", () => {
  it("carries notes over, for outputs of the same path only", () => {
    const old = stageOf({ desc: "old", outs: ["a", "b"] });
    const noted: Stage = {
      ...old,
      meta: { k: 1 },
      outs: old.outs.map((out) => ({ ...out, annotation: { desc: out.defPath }, remote: "r", canPush: false })),
    };
    const kept = withKeptFields(stageOf({ desc: "new", outs: ["b", "c"] }), noted);
    expect(kept).toMatchObject({ desc: "old", meta: { k: 1 } });
    expect(kept.outs.map((out) => [out.defPath, out.annotation.desc, out.remote, out.canPush])).toEqual([
      ["b", "b", "r", false],
      ["c", undefined, undefined, true],
    ]);
  });
});
