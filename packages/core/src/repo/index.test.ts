import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addressing } from "./addressing.ts";
import { loadIndex, type Selected } from "./index.ts";
import { checkOutputPath } from "./outputPath.ts";
import { dvcText, makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import type { Repo } from "./repo.ts";
import { loadTargetStages, parseTarget } from "./targets.ts";

let project: ProjectFixture;
beforeEach(() => {
  project = makeProject();
});
afterEach(() => {
  project.remove();
});

const PIPELINE = `stages:
  prepare:
    cmd: prepare
    deps:
    - raw
    outs:
    - out
  each:
    foreach: [a, b]
    do:
      cmd: echo \${item}
      deps:
      - out
`;

const names = (repo: Repo, selected: readonly Selected[]): string[] =>
  selected.map(({ stage }) => addressing(repo, stage));

describe("loadIndex", () => {
  it("collects by folder, not from tracked, ignored and git-ignored places, nor from projects inside", () => {
    project.put("dvc.yaml", PIPELINE);
    project.put("z.dvc", dvcText("z"));
    project.put("raw.dvc", dvcText("raw", "d751713988987e9331980363e24189ce.dir"));
    project.put("raw/inside.dvc", dvcText("x"));
    project.put("sub/dvc.yaml", "stages:\n  s:\n    cmd: s\n");
    project.put("sub/f.dvc", dvcText("f"));
    project.put("venv/lib.dvc", dvcText("lib"));
    project.put("skip/x.dvc", dvcText("x"));
    project.put("nested/.dvc/config", "");
    project.put("nested/n.dvc", dvcText("n"));
    project.put(".gitignore", "/venv\n/raw\n");
    project.put(".dvcignore", "skip\n");
    const repo = project.open();
    const all = ["prepare", "each@a", "each@b", "raw.dvc", "z.dvc", "sub/dvc.yaml:s", "sub/f.dvc"];
    expect(names(repo, loadIndex(repo).collect([]))).toEqual(all);
    project.git("add", "-f", ".");
    project.git("commit", "-qm", "one");
    const rev = repo.git?.head() ?? "";
    project.put("later.dvc", dvcText("later"));
    // In a commit Git's ignore rules say nothing.
    expect(names(repo, loadIndex(repo, { rev }).collect([]))).toEqual([...all, "venv/lib.dvc"]);
  });

  it("finds a sub-project in a commit, and its absence", () => {
    project.put("empty", "");
    project.git("add", ".");
    project.git("commit", "-qm", "before");
    project.put("nested/.dvc/config", "");
    project.put("nested/n.dvc", dvcText("n"));
    project.git("add", ".");
    project.git("commit", "-qm", "with");
    const repo = project.open({}, { cwd: join(project.root, "nested") });
    expect(repo.root).toBe(join(project.root, "nested"));
    expect(names(repo, loadIndex(repo, { rev: repo.git?.resolveRev("HEAD") ?? "" }).collect([]))).toEqual(["n.dvc"]);
    const before = repo.git?.resolveRev("HEAD~1") ?? "";
    expect(() => loadIndex(repo, { rev: before })).toThrow(
      `Commit '${before.slice(0, 7)}' does not contain a DVC repo`,
    );
  });
});

describe("targets", () => {
  beforeEach(() => {
    project.put("dvc.yaml", PIPELINE);
    project.put("raw.dvc", dvcText("raw", "d751713988987e9331980363e24189ce.dir"));
    project.put("sub/f.dvc", dvcText("f"));
    project.put("sub/dvc.yaml", "stages:\n  s:\n    cmd: s\n");
  });

  it.each([
    ["dvc.yaml:train", "dvc.yaml", "train"],
    ["a/dvc.yaml:g@k:1", "a/dvc.yaml", "g@k:1"],
    [":train", "dvc.yaml", "train"],
    ["x.dvc", "x.dvc", undefined],
    ["a/dvc.yaml", "a/dvc.yaml", undefined],
    ["train@x", undefined, "train@x"],
    ["data/file", undefined, "data/file"],
    ["a:b/c", undefined, "a:b/c"],
  ])("takes %s apart", (target, file, name) => {
    expect(parseTarget(target)).toEqual({ file, name });
  });

  it("points from dvc.lock to dvc.yaml", () => {
    expect(() => parseTarget("sub/dvc.lock")).toThrow("Did you mean: `sub/dvc.yaml`?");
  });

  it("resolves stages, groups, files, outputs and paths inside them", () => {
    const repo = project.open();
    const index = loadIndex(repo);
    expect(names(repo, index.collect(["prepare", "each", "each@b", "sub/dvc.yaml:s", "sub/f.dvc"]))).toEqual([
      "prepare",
      "each@a",
      "each@b",
      "each@b",
      "sub/dvc.yaml:s",
      "sub/f.dvc",
    ]);
    expect(index.collect(["raw"])).toMatchObject([{ stage: { name: undefined }, out: { defPath: "raw" } }]);
    expect(index.collect(["raw"])[0]?.within).toBeUndefined();
    expect(index.collect(["./raw/a/b"])).toMatchObject([{ out: { defPath: "raw" }, within: "a/b" }]);
    expect(names(repo, index.collect(["sub"], { recursive: true }))).toEqual(["sub/dvc.yaml:s", "sub/f.dvc"]);
    expect(names(repo, index.collect(["each@a"], { withDeps: true }))).toEqual(["raw.dvc", "prepare", "each@a"]);
    expect(names(repo, index.collect(["e*"], { glob: true }))).toEqual(["each@a", "each@b"]);
  });

  it("is relative to the working folder", () => {
    const repo = project.open({}, { cwd: join(project.root, "sub") });
    expect(names(repo, loadIndex(repo).collect(["s", "f", "../dvc.yaml:prepare", "../raw/x"]))).toEqual([
      "s",
      "f.dvc",
      "../dvc.yaml:prepare",
      "../raw.dvc",
    ]);
  });

  it("fails in DVC's words", () => {
    const repo = project.open();
    const index = loadIndex(repo);
    const fails = (target: string): string => {
      try {
        index.collect([target]);
      } catch (error) {
        const { message, cause } = error as Error;
        return cause instanceof Error ? `${message}: ${cause.message}` : message;
      }
      return "";
    };
    expect(fails("nope")).toBe(
      "'nope' does not exist as an output or a stage name in 'dvc.yaml': Stage 'nope' not found inside 'dvc.yaml' file",
    );
    expect(fails("nope.dvc")).toBe(`'${join(project.root, "nope.dvc")}' does not exist`);
    expect(fails("dvc.yaml:nope")).toBe("Stage 'nope' not found inside 'dvc.yaml' file");
    const other = project.open({}, { cwd: join(project.root, ".dvc") });
    expect(() => loadIndex(other).collect(["nope"])).toThrow(
      "'nope' does not exist as an output or a stage name in 'dvc.yaml'",
    );
    expect(() => loadTargetStages(repo, "raw")).toThrow("Stage 'raw' not found inside 'dvc.yaml' file");
    expect(() => loadTargetStages(repo, "each", { acceptGroup: false })).toThrow("Stage 'each' not found");
  });

  it("reads no other file when a .dvc file is named", () => {
    project.put("broken.dvc", "outs: [");
    const repo = project.open();
    expect(names(repo, loadIndex(repo).collect(["raw.dvc"]))).toEqual(["raw.dvc"]);
    expect(() => loadIndex(repo).stages).toThrow();
  });

  it("refuses git-ignored stage files that are named", () => {
    project.put(".gitignore", "raw.dvc\n");
    expect(() => loadIndex(project.open()).collect(["raw.dvc"])).toThrow("bad DVC file name 'raw.dvc' is git-ignored.");
  });
});

describe("checkOutputPath", () => {
  it("refuses outputs that leave the project, by their path or by a linked folder", () => {
    mkdirSync(join(project.root, "real"));
    symlinkSync("/", join(project.root, "away"));
    symlinkSync("real", join(project.root, "near"));
    for (const path of ["ok", "near/x", "away/tmp/x", "../x"])
      project.put(`${path.replaceAll("/", "_")}.dvc`, dvcText(path));
    const repo = project.open();
    const check = (name: string): void => {
      for (const { stage } of loadIndex(repo).collect([name]))
        for (const out of stage.outs) checkOutputPath(repo, stage, out);
    };
    check("ok.dvc");
    check("near_x.dvc");
    expect(() => {
      check("away_tmp_x.dvc");
    }).toThrow("unsafe output path 'away/tmp/x'");
    expect(() => {
      check(".._x.dvc");
    }).toThrow("Cached output(s) outside of DVC project: ");
  });
});
