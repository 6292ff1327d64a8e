import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import { explain, type Explanation, type ExplainOptions } from "./explain.ts";
import { repro } from "./repro.ts";

let project: ProjectFixture;
beforeEach(() => {
  project = makeProject();
  project.put("in", "1\n");
  project.put("params.yaml", "lr: 0.1\nepochs: 3\n");
  project.put("dvc.yaml", PIPELINE);
});
afterEach(() => {
  project.remove();
});

const PIPELINE = `stages:
  a: {cmd: cp in a.o, deps: [in], params: [lr], outs: [a.o]}
  b: {cmd: cp a.o b.o, deps: [a.o], outs: [b.o]}
`;
const ask = async (options: ExplainOptions = {}, targets: readonly string[] = []): Promise<readonly Explanation[]> =>
  (await explain(project.open(), targets, options)).stages;
const make = async (): Promise<void> => {
  await repro(project.open());
};

describe("explain", () => {
  it("says what never ran, and what only follows from it; and runs nothing", async () => {
    expect(await ask()).toEqual([
      { stage: "a", decision: "run", frozen: false, reasons: [{ kind: "never-run" }] },
      {
        stage: "b",
        decision: "run",
        frozen: false,
        reasons: [{ kind: "never-run" }, { kind: "upstream", stage: "a", paths: ["a.o"] }],
      },
    ]);
    expect(existsSync(join(project.root, "a.o"))).toBe(false);
    expect(existsSync(join(project.root, "dvc.lock"))).toBe(false);
  });

  it("names the parameter with both values, the dependency, the output and the command", async () => {
    await make();
    expect((await ask()).map((one) => one.decision)).toEqual(["skip", "skip"]);
    project.put("params.yaml", "lr: 0.2\nepochs: 4\n");
    expect(await ask()).toMatchObject([
      {
        decision: "run",
        reasons: [{ kind: "param", file: "params.yaml", key: "lr", state: "modified", from: 0.1, to: 0.2 }],
      },
      { decision: "maybe", reasons: [{ kind: "upstream", stage: "a", paths: ["a.o"] }] },
    ]);
    project.put("params.yaml", "lr: 0.1\n");
    project.put("in", "2\n");
    expect(await ask({}, ["a"])).toMatchObject([{ reasons: [{ kind: "dependency", path: "in", state: "modified" }] }]);
    project.put("in", "1\n");
    project.put("dvc.yaml", PIPELINE.replace("cp in", "cat in >"));
    expect(await ask({}, ["a"])).toMatchObject([
      { decision: "run", reasons: [{ kind: "command", from: "cp in a.o", to: "cat in > a.o" }] },
    ]);
  });

  it("tells what dvc.yaml has since the last run from what changed", async () => {
    await make();
    project.put("more", "1\n");
    project.put("made", "1\n");
    project.put("dvc.yaml", PIPELINE.replace("deps: [in]", "deps: [in, more]").replace("[b.o]", "[b.o, made, unmade]"));
    expect(await ask()).toMatchObject([
      { reasons: [{ kind: "dependency", path: "more", state: "new" }] },
      {
        reasons: [
          { kind: "output", path: "made", state: "new" },
          { kind: "output", path: "unmade", state: "deleted" },
          { kind: "upstream" },
        ],
      },
    ]);
  });

  it("foresees what would be restored, and what that means for the stages behind it", async () => {
    await make();
    project.put("in", "2\n");
    await make();
    project.put("in", "1\n");
    expect((await ask()).map((one) => one.decision)).toEqual(["restore", "restore"]);
    rmSync(join(project.root, "b.o"));
    project.put("in", "2\n");
    expect(await ask()).toMatchObject([
      { decision: "skip" },
      { decision: "restore", reasons: [{ kind: "output", path: "b.o", state: "deleted" }] },
    ]);
    rmSync(join(project.root, ".dvc/cache"), { recursive: true });
    expect((await ask()).map((one) => one.decision)).toEqual(["run", "run"]);
    expect((await ask({ allowMissing: true })).map((one) => one.decision)).toEqual(["skip", "skip"]);
  });

  it("knows force, force-downstream, frozen and always_changed", async () => {
    await make();
    expect((await ask({ force: true })).map((one) => one.reasons)).toMatchObject([
      [{ kind: "forced" }],
      [{ kind: "forced" }, { kind: "upstream" }],
    ]);
    project.put("in", "2\n");
    expect((await ask({ forceDownstream: true })).map((one) => one.decision)).toEqual(["run", "run"]);
    project.put("dvc.yaml", PIPELINE.replace("{cmd: cp in", "{frozen: true, cmd: cp in"));
    expect(await ask()).toMatchObject([
      { decision: "skip", frozen: true },
      { decision: "skip", frozen: false },
    ]);
    project.put("in", "1\n");
    project.put("dvc.yaml", PIPELINE.replace("{cmd: cp in", "{always_changed: true, cmd: cp in"));
    expect(await ask({}, ["a"])).toMatchObject([{ decision: "run", reasons: [{ kind: "always" }] }]);
  });
});
