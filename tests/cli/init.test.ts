import { mkdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => {
  rig.close();
});

describe("init", () => {
  it("makes DVC's files and stages them", () => {
    rig.git();
    const out = rig.ok("init");
    expect(out).toMatch(
      /^Initialized DVC repository\.\n\nYou can now commit the changes to git\.\n\nWhat's next\?\n-{12}\n/,
    );
    expect(rig.read(".dvc/config")).toBe("");
    expect(rig.read(".dvc/.gitignore")).toBe("/config.local\n/tmp\n/cache\n");
    expect(rig.read(".dvcignore")?.split("\n")).toHaveLength(4);
    expect(rig.git("status", "--porcelain").trim().split("\n")).toEqual([
      "A  .dvc/.gitignore",
      "A  .dvc/config",
      "A  .dvcignore",
    ]);
  });

  it("refuses a second time, unless forced", () => {
    rig.git();
    rig.ok("init", "-q");
    expect(rig.run(["init"])).toEqual({
      code: 1,
      out: "",
      err: "ERROR: failed to initiate DVC - '.dvc' exists. Use `-f` to force.\n",
    });
    rig.write(".dvc/cache/x", "");
    rig.ok("init", "-f");
    expect(rig.read(".dvc/cache/x")).toBeUndefined();
  });

  it("wants Git, or --no-scm", () => {
    expect(rig.run(["init"])).toMatchObject({
      code: 1,
      err: `ERROR: failed to initiate DVC - ${rig.dir} is not tracked by any supported SCM tool (e.g. Git). Use \`--no-scm\` if you don't want to use any SCM or \`--subdir\` if initializing inside a subdirectory of a parent SCM repository.\n`,
    });
    expect(rig.ok("init", "--no-scm")).not.toContain("to git");
    expect(rig.read(".dvc/config")).toBe("[core]\n    no_scm = True\n");
    expect(rig.read(".dvc/.gitignore")).toBeUndefined();
  });

  it("makes a project of a folder within a repository only when told so", () => {
    rig.git();
    mkdirSync(rig.path("part"));
    expect(rig.run(["init", "part"]).code).toBe(1);
    rig.ok("init", "--subdir", "part");
    expect(rig.run(["root"], { cwd: "part" }).out).toBe(".\n");
    expect(rig.run(["init", "--subdir", "--no-scm"]).code).toBe(255);
  });

  it("refuses a .dvc that Git ignores", () => {
    rig.git();
    rig.write(".gitignore", ".dvc\n");
    expect(rig.run(["init"]).err).toContain(".dvc is ignored by your SCM tool.");
  });
});

describe("check-ignore", () => {
  it("prints what is left out, and why", () => {
    rig.project();
    rig.write(".dvcignore", "*.log\n");
    expect(rig.run(["check-ignore", "a.log", "b.txt"])).toEqual({ code: 0, out: "a.log\n", err: "" });
    expect(rig.run(["check-ignore", "b.txt"])).toEqual({ code: 1, out: "", err: "" });
    expect(rig.run(["check-ignore", "-d", "-n", "a.log", "b.txt"]).out).toBe(".dvcignore:1:*.log\ta.log\n::\tb.txt\n");
    expect(rig.run(["check-ignore", "--stdin"], { input: "x.log\ny\n\nz.log\n" }).out).toBe("x.log\n");
    expect(rig.run(["check-ignore"])).toMatchObject({ code: 255, err: "ERROR: `targets` or `--stdin` needed\n" });
  });
});
