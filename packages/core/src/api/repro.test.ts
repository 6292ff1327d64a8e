import { existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import type { Event } from "../base/events.ts";
import { add } from "./add.ts";
import { repro, type ReproOptions, type ReproResult } from "./repro.ts";
import { stageAdd } from "./stageAdd.ts";
import { stageList } from "./stageList.ts";

let project: ProjectFixture;
let said: string[];
beforeEach(() => {
  project = makeProject();
  said = [];
});
afterEach(() => {
  project.remove();
});

const reporter = {
  emit(event: Event): void {
    if (event.type === "message") said.push(event.level === "info" ? event.text : `${event.level}: ${event.text}`);
  },
};
const run = async (targets: readonly string[] = [], options: ReproOptions = {}): Promise<ReproResult> => {
  said = [];
  const repo = project.open({ reporter });
  try {
    return await repro(repo, targets, { ...options, reporter });
  } finally {
    repo.close();
  }
};
const text = (name: string): string => readFileSync(join(project.root, name), "utf8");
const lines = (): string[] => said.filter((line) => line !== "" && !line.startsWith("\n"));

/** in -> a -> b, and c apart. */
const CHAIN = `stages:
  b: {cmd: cp a.o b.o, deps: [a.o], outs: [b.o]}
  a: {cmd: cp in a.o, deps: [in], outs: [a.o]}
  c: {cmd: cp in c.o, deps: [in], outs: [c.o]}
`;

describe("repro", () => {
  it("runs what changed, each stage after those it needs, and writes dvc.lock as DVC does", async () => {
    project.put("in", "1\n");
    project.put("dvc.yaml", CHAIN);
    expect((await run()).reproduced).toEqual(["a", "b", "c"]);
    expect(lines()).toEqual([
      "Running stage 'a':",
      "> cp in a.o",
      "Generating lock file 'dvc.lock'",
      "Updating lock file 'dvc.lock'",
      "Running stage 'b':",
      "> cp a.o b.o",
      "Updating lock file 'dvc.lock'",
      "Running stage 'c':",
      "> cp in c.o",
      "Updating lock file 'dvc.lock'",
    ]);
    // Recorded from DVC 3.67.1.
    expect(text("dvc.lock").slice(0, text("dvc.lock").indexOf("  b:"))).toBe(`schema: '2.0'
stages:
  a:
    cmd: cp in a.o
    deps:
    - path: in
      hash: md5
      md5: b026324c6904b2a9cb4b88d6d61c81d1
      size: 2
    outs:
    - path: a.o
      hash: md5
      md5: b026324c6904b2a9cb4b88d6d61c81d1
      size: 2
`);
    expect(text(".gitignore")).toBe("/a.o\n/b.o\n/c.o\n");
    expect((await run()).reproduced).toEqual([]);
    expect(lines()).toEqual(["a", "b", "c"].map((name) => `Stage '${name}' didn't change, skipping`));
  });

  it("restores a past run instead of running again, unless told not to", async () => {
    project.put("in", "1\n");
    project.put("dvc.yaml", CHAIN);
    await run(["b"]);
    project.put("in", "2\n");
    await run(["b"]);
    project.put("in", "1\n");
    await run(["b"]);
    expect(lines()).toContain("Stage 'a' is cached - skipping run, checking out outputs");
    expect(text("b.o")).toBe("1\n");
    project.put("in", "2\n");
    await run(["a"], { noRunCache: true });
    expect(lines()).toContain("> cp in a.o");
  });

  it("chooses stages by options", async () => {
    project.put("in", "1\n");
    project.put("dvc.yaml", CHAIN);
    const forced = async (targets: readonly string[], options: ReproOptions): Promise<readonly string[]> =>
      (await run(targets, { ...options, force: true, dry: true })).reproduced;
    expect(await forced(["b"], {})).toEqual(["a", "b"]);
    expect(await forced(["b"], { singleItem: true })).toEqual(["b"]);
    expect(await forced(["a"], { downstream: true })).toEqual(["a", "b"]);
    expect(await forced(["a"], { pipeline: true })).toEqual(["a", "b"]);
    expect(await forced(["c", "b"], { pipeline: true })).toEqual(["c", "a", "b"]);
    expect(await forced([], { allPipelines: true })).toEqual(["a", "b", "c"]);
    expect(await forced(["[bc]"], { glob: true })).toEqual(["a", "b", "c"]);
    expect(existsSync(join(project.root, "a.o"))).toBe(false);
    await run();
    project.put("in", "2\n");
    project.put("dvc.yaml", CHAIN.replace("cp in a.o, ", "echo same > a.o, "));
    await run(["b"]);
    project.put("in", "3\n");
    expect((await run(["b"])).reproduced).toEqual(["a"]);
    project.put("in", "4\n");
    expect((await run(["b"], { forceDownstream: true })).reproduced).toEqual(["a", "b"]);
  });

  it("stops at the first failure, or goes on as asked", async () => {
    project.put("in", "1\n");
    project.put("dvc.yaml", CHAIN.replace("cp in a.o,", "exit 3,"));
    await expect(run()).rejects.toMatchObject({
      message: "failed to reproduce 'a'",
      cause: { message: "failed to run: exit 3, exited with 3" },
    });
    await expect(run([], { onError: "keep-going" })).rejects.toThrow(/^failed to reproduce 'a'$/);
    expect(lines()).toContain("warning: failed to run: exit 3, exited with 3");
    expect(lines()).toContain("warning: Stage 'b' will be skipped due to this failure");
    expect(text("c.o")).toBe("1\n");
    project.put("a.o", "made by hand\n");
    project.put("dvc.yaml", CHAIN.replace("cp in a.o,", "echo x > a.o; exit 3,"));
    expect((await run([], { onError: "ignore" })).reproduced).toEqual(["b"]);
    expect(lines()).toContain("warning: failed to run: echo x > a.o; exit 3, exited with 3 (ignored)");
  });

  it("says what is missing in DVC's words and leaves the outputs alone then", async () => {
    project.put("a.o", "kept\n");
    project.put("dvc.yaml", CHAIN);
    await expect(run(["a"])).rejects.toMatchObject({
      cause: { message: `[Errno 2] No such file or directory: '${project.root}/in'` },
    });
    expect(text("a.o")).toBe("kept\n");
    project.put("dvc.yaml", "stages:\n  s: {cmd: 'true', deps: [in]}\n  o: {cmd: 'true', outs: [o]}\n");
    await expect(run(["s"])).rejects.toMatchObject({ cause: { message: "dependency 'in' does not exist" } });
    await expect(run(["o"])).rejects.toMatchObject({ cause: { message: "output 'o' does not exist" } });
    project.put("params.yaml", "x: 1\n");
    project.put("dvc.yaml", "stages:\n  p: {cmd: echo > o, params: [lr], outs: [o]}\n");
    await expect(run()).rejects.toMatchObject({
      cause: { message: "Parameters 'lr' are missing from 'params.yaml'." },
    });
    await expect(run(["nope"])).rejects.toThrow("Stage 'nope' not found inside 'dvc.yaml' file");
  });

  it("never removes what lies outside, in .git, or behind a symlink that leaves the project", async () => {
    project.put("dvc.yaml", "stages:\n  s: {cmd: 'echo 1 >> ../out', outs: [../out: {cache: false}]}\n");
    project.put("../out", "theirs\n");
    await run();
    expect(text("../out")).toBe("theirs\n1\n");
    project.put("dvc.yaml", "stages:\n  s: {cmd: 'true', outs: [.git/config]}\n");
    await expect(run()).rejects.toThrow("it touches '.git'");
    expect(existsSync(join(project.root, ".git/config"))).toBe(true);
    project.put("../theirs/x", "theirs\n");
    symlinkSync(join(project.root, "../theirs"), join(project.root, "link"));
    project.put("dvc.yaml", "stages:\n  s: {cmd: 'true', outs: [link/x]}\n");
    await expect(run()).rejects.toMatchObject({ cause: { code: "unsafe-path" } });
    expect(text("../theirs/x")).toBe("theirs\n");
  });

  it("asks before each stage; nobody to ask is a no", async () => {
    project.put("in", "1\n");
    project.put("dvc.yaml", CHAIN);
    const asked: string[] = [];
    const confirm = (question: string): Promise<boolean> => Promise.resolve(asked.push(question) < 2);
    await expect(run([], { interactive: true, confirm })).rejects.toMatchObject({
      message: "failed to reproduce 'b'",
      cause: { message: "reproduction aborted by the user" },
    });
    expect(asked[0]).toBe("Going to reproduce stage: 'a'. Are you sure you want to continue?");
    await expect(run([], { interactive: true })).rejects.toThrow("failed to reproduce 'b'");
  });

  it("records changed data sources; keeps frozen stages", async () => {
    project.put("in", "1\n");
    project.put("dvc.yaml", CHAIN.replace("cp in a.o, ", "cp in a.o, frozen: true, "));
    const repo = project.open();
    await add(repo, ["in"]);
    repo.close();
    await expect(run(["a"])).rejects.toMatchObject({ cause: { message: "missing data 'source': a.o" } });
    project.put("a.o", "1\n");
    expect((await run(["a"])).reproduced).toEqual(["a"]);
    expect(lines()).toEqual([
      "warning: stage: 'a' is frozen. Its dependencies are not going to be reproduced.",
      "Verifying outputs in frozen stage: 'a'",
      "Generating lock file 'dvc.lock'",
      "Updating lock file 'dvc.lock'",
    ]);
    project.put("in", "22\n");
    expect((await run(["c"])).reproduced).toEqual(["in.dvc", "c"]);
    expect(lines()[0]).toBe("Verifying data sources in stage: 'in.dvc'");
    expect(text("in.dvc")).toContain("size: 3");
  });

  it("puts nothing into the cache with noCommit, and leaves missing data alone with allowMissing", async () => {
    project.put("in", "1\n");
    project.put("dvc.yaml", CHAIN);
    await run(["a"], { noCommit: true });
    expect(existsSync(join(project.root, ".dvc/cache"))).toBe(false);
    expect(text("dvc.lock")).toContain("path: a.o");
    await run();
    rmSync(join(project.root, ".dvc/cache"), { recursive: true });
    rmSync(join(project.root, "a.o"));
    expect((await run([], { allowMissing: true })).reproduced).toEqual([]);
    expect((await run(["a"])).reproduced).toEqual(["a"]);
  });

  it("gives the lock back while a command runs, and names the stage in its environment", async () => {
    project.put("probe", 'sleep 0.2; flock -n .dvc/tmp/lock true && echo "free $DVC_STAGE"');
    project.put("dvc.yaml", "stages:\n  s: {cmd: sh probe > o, outs: [o], deps: [probe]}\n");
    await run();
    expect(text("o")).toBe("free s\n");
    expect(existsSync(join(project.root, ".dvc/tmp/rwlock"))).toBe(false);
  });
});

describe("stageAdd and stageList", () => {
  const stage = (name: string, outs: readonly string[], more: object = {}): Promise<unknown> =>
    stageAdd(project.open(), { name, cmd: "true", outs }, more);

  it("lists its outputs in .gitignore in the order in which DVC takes their kinds", async () => {
    await stageAdd(project.open(), {
      name: "a",
      cmd: "true",
      outs: ["o"],
      plots: ["p"],
      metrics: ["m"],
      outsPersist: ["k"],
    });
    expect(text(".gitignore")).toBe("/k\n/m\n/p\n/o\n");
  });

  it("adds, refuses what clashes, replaces when forced", async () => {
    await stage("a", ["o"]);
    expect(text("dvc.yaml")).toBe("stages:\n  a:\n    cmd: 'true'\n    outs:\n    - o\n");
    expect(text(".gitignore")).toBe("/o\n");
    await expect(stage("a", ["p"])).rejects.toThrow(
      "Stage 'a' already exists in 'dvc.yaml'. Use '--force' to overwrite.",
    );
    await expect(stage("b", ["o"])).rejects.toThrow(
      "output 'o' is already specified in stage: 'a'.\nUse `dvc remove a` to stop tracking the overlapping output.",
    );
    await stage("a", ["p"], { force: true });
    expect(text("dvc.yaml")).toBe("stages:\n  a:\n    cmd: 'true'\n    outs:\n    - p\n");
    project.put("seen", "");
    project.git("add", "seen");
    await expect(stage("c", ["seen"])).rejects.toThrow("output 'seen' is already tracked by SCM");
    expect(text("dvc.yaml")).not.toContain("c:");
  });

  it("lists stages with a line about each, and leaves out files that can't be read", async () => {
    await stage("a", ["o", "p"]);
    project.put("sub/dvc.yaml", "stages:\n  s: {cmd: x, desc: 'first\n\n  second', deps: [d], metrics: [m]}\n");
    project.put("bad/dvc.yaml", "stages: [");
    const list = (targets: readonly string[], options: object = {}): unknown =>
      stageList(project.open(), targets, options);
    expect(list([])).toEqual([{ name: "a", description: "Outputs o, p" }]);
    expect(list([], { all: true })).toEqual([
      { name: "a", description: "Outputs o, p" },
      { name: "sub/dvc.yaml:s", description: "first" },
    ]);
    expect(list(["sub"], { recursive: true })).toEqual([{ name: "sub/dvc.yaml:s", description: "first" }]);
    expect(() => list([], { all: true, fail: true })).toThrow("is invalid");
  });
});
