import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BINARY, Rig } from "../support/rig.ts";
import { gitState, twoVersions as makeTwoVersions, writeHook } from "../support/snapshots.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

const twoVersions = (): void => {
  makeTwoVersions(rig);
};
const state = (): unknown => gitState(rig);
const hook = (name: string, script: string): void => {
  writeHook(rig, name, script);
};
const json = (...words: string[]): unknown => JSON.parse(rig.ok(...words, "--json"));

describe("snapshot save", () => {
  it("commits data, pointers and code, tags, and pushes data, then Git", () => {
    twoVersions();
    expect(rig.git("status", "--porcelain")).toBe("");
    expect(rig.git("cat-file", "-t", "v1.0")).toBe("tag\n");
    expect(rig.git("ls-remote", "--tags", "origin")).toContain("refs/tags/v2.0");
    expect(rig.git("rev-parse", "HEAD")).toBe(rig.git("rev-parse", "refs/remotes/origin/main"));
    expect(rig.ok("status", "-c")).toContain("in sync");
    expect(rig.ok("snapshot", "save")).toBe("Nothing to save: the last commit has it all.\n");
  });

  it("needs no remote for data when there is only code", () => {
    rig.git("init", "-q", "--bare", "../origin.git");
    rig.git("remote", "add", "origin", "../origin.git");
    rig.write("train.py", "1\n");
    rig.git("add", "-A");
    rig.git("commit", "-q", "-m", "code");
    rig.ok("snapshot", "save", "--tag", "v1.0", "--push");
    expect(rig.git("ls-remote", "origin", "refs/tags/v1.0")).toContain("refs/tags/v1.0");
    rig.git("init", "-q", "../source");
    rig.write("../source/words", "w1");
    rig.git("-C", "../source", "add", "words");
    rig.git("-C", "../source", "commit", "-q", "-m", "words");
    rig.ok("import", "-q", rig.path("../source"), "words");
    rig.ok("snapshot", "save", "--tag", "v2.0", "--push");
    expect(rig.git("ls-remote", "origin", "refs/tags/v2.0")).toContain("refs/tags/v2.0");
  });

  it("sees an edit of the same size in the moment in which Git's index was written", () => {
    const touch = (path: string): void => utimesSync(rig.path(path), 1_700_000_000, 1_700_000_000);
    twoVersions();
    rig.git("config", "core.trustctime", "false");
    rig.write("train.py", "3\n");
    touch("train.py");
    rig.ok("snapshot", "save");
    touch(".git/index");
    rig.write("train.py", "4\n");
    touch("train.py");
    rig.ok("snapshot", "save");
    expect(rig.git("show", "HEAD:train.py")).toBe("4\n");
    touch(".git/index");
    rig.write("train.py", "5\n");
    touch("train.py");
    hook("pre-commit", "exit 1");
    expect(rig.run(["snapshot", "save"]).code).not.toBe(0);
    expect(rig.git("status", "--porcelain")).toBe(" M train.py\n");
  });

  it("changes nothing on a dry run, and leaves out what nobody tracks", () => {
    twoVersions();
    rig.write("data/d", "d1");
    rig.write("notes.txt", "mine");
    const before = state();
    const result = json("snapshot", "save", "--dry-run", "--tag", "v3.0");
    expect(result).toMatchObject({
      dryRun: true,
      isNew: false,
      changes: { data: [{ path: "data", change: "modified", stage: "data.dvc" }], code: [], untracked: ["notes.txt"] },
    });
    expect(state()).toEqual(before);
    rig.ok("snapshot", "save", "--tag", "v3.0");
    expect(rig.git("status", "--porcelain")).toBe("?? notes.txt\n");
  });

  it("is as if it had not begun when another process holds Git's index, which stays as it was", () => {
    twoVersions();
    rig.write("staged.txt", "mine");
    rig.git("add", "staged.txt");
    rig.write("data/d", "d1");
    const before = state();
    rig.write(".git/index.lock", "");
    const ran = rig.run(["snapshot", "save", "--tag", "v3.0"]);
    expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("locked by another process")]);
    rmSync(rig.path(".git/index.lock"));
    expect(state()).toEqual(before);
    rig.ok("snapshot", "save", "--tag", "v3.0");
  });

  it("goes on where a run was killed that held Git's index", () => {
    twoVersions();
    rig.write("data/d", "d1");
    const left = rig.path(".git/.index.999999999-abc.hftmp");
    copyFileSync(rig.path(".git/index"), left);
    linkSync(left, rig.path(".git/index.lock"));
    rig.ok("snapshot", "save", "--tag", "v3.0");
    expect(existsSync(left)).toBe(false);
    expect(existsSync(rig.path(".git/index.lock"))).toBe(false);
    expect(rig.git("status", "--porcelain")).toBe("");
  });

  it("is as if it had not begun when a hook refuses the commit", () => {
    twoVersions();
    rig.write("data/d", "d1");
    rig.write("train.py", "3\n");
    rig.git("add", "train.py");
    const before = state();
    hook("pre-commit", "echo lint says no >&2; exit 1");
    const ran = rig.run(["snapshot", "save", "--tag", "v3.0", "--push"]);
    expect(ran.code).toBe(255);
    expect(ran.err).toContain("lint says no");
    expect(ran.err).toContain("Nothing was saved");
    expect(state()).toEqual(before);
    rmSync(rig.path(".git/hooks/pre-commit"));
    rig.ok("snapshot", "save", "--tag", "v3.0", "--push");
  });

  it("takes commit and tag back when Git's remote refuses or is gone", () => {
    twoVersions();
    rig.write("data/d", "d1");
    const before = state();
    rig.git("remote", "set-url", "origin", "../nowhere.git");
    const ran = rig.run(["snapshot", "save", "--tag", "v3.0", "--push"]);
    expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("Nothing was saved")]);
    expect(state()).toEqual(before);
    rig.git("remote", "set-url", "origin", "../origin.git");
    rig.ok("snapshot", "save", "--tag", "v3.0", "--push");
    expect(rig.ok("status", "-c")).toContain("in sync");
  });

  it("is as if it had not begun when the data's remote is gone", () => {
    twoVersions();
    rig.write("data/d", "d1");
    const before = state();
    rig.write("file", "in the way");
    rig.ok("remote", "modify", "--local", "store", "url", rig.path("file"));
    const ran = rig.run(["snapshot", "save", "--tag", "v3.0", "--push"]);
    rmSync(rig.path("file"));
    expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("Nothing was saved")]);
    expect(state()).toEqual(before);
  });

  it("finishes when the tag was made and the push was not", () => {
    twoVersions();
    rig.write("data/d", "d1");
    rig.ok("snapshot", "save", "--tag", "v3.0");
    rig.ok("snapshot", "save", "--tag", "v3.0", "--push");
    expect(rig.git("ls-remote", "--tags", "origin")).toContain("refs/tags/v3.0");
  });

  it("refuses a tag that names something else, a merge under way, no branch, and no Git", () => {
    twoVersions();
    rig.write("data/d", "d1");
    expect(rig.run(["snapshot", "save", "--tag", "v1.0"]).err).toContain("the tag 'v1.0' exists already");
    expect(rig.run(["snapshot", "save", "--tag", "a b"]).err).toContain("can't be the name of a Git tag");
    rig.write(".git/MERGE_HEAD", rig.git("rev-parse", "HEAD"));
    expect(rig.run(["snapshot", "save"]).err).toContain("a merge is under way");
    rmSync(rig.path(".git/MERGE_HEAD"));
    rig.git("checkout", "-q", "--detach");
    expect(rig.run(["snapshot", "save"]).err).toContain("HEAD is on no branch");
    rig.write("plain/x", "");
    expect(rig.run(["init", "-q", "--no-scm"], { cwd: "plain" }).code).toBe(0);
    expect(rig.run(["snapshot", "list"], { cwd: "plain" }).err).toContain("does not use Git (core.no_scm is set)");
  });

  it("works with the hooks that install writes", () => {
    twoVersions();
    rig.ok("install");
    const bin = rig.path("../bin");
    symlinkSync(BINARY, join(bin, "holdfast"));
    rig.write("data/d", "d1");
    const env = { PATH: `${bin}:${rig.env["PATH"] ?? ""}` };
    const saved = rig.run(["snapshot", "save", "--tag", "v3.0", "--push"], { env });
    expect([saved.code, saved.err]).toEqual([0, ""]);
    expect(rig.run(["snapshot", "restore", "v1.0"], { env }).code).toBe(0);
    expect(rig.read("model.pkl")).toBe("model 1");
  });

  it("works in a project below Git's top folder, in a linked worktree and beside a submodule", () => {
    rig.write("sub/x.bin", "1");
    rig.run(["init", "-q", "--subdir"], { cwd: "sub" });
    rig.run(["add", "-q", "x.bin"], { cwd: "sub" });
    expect(rig.run(["snapshot", "save", "--tag", "v1"], { cwd: "sub" }).err).toBe("");
    expect(rig.git("ls-files", "sub").split("\n")).toContain("sub/x.bin.dvc");
    rig.git("init", "-q", "../library");
    rig.git("-C", "../library", "commit", "-q", "--allow-empty", "-m", "x");
    rig.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library", "module");
    rig.write("sub/x.bin", "2");
    expect(rig.run(["snapshot", "save", "--tag", "v2"], { cwd: "sub" }).err).toBe("");
    expect(rig.git("status", "--porcelain")).toBe("");
    // What is not committed in the submodule is named, and is no change of this repository.
    rig.write("module/new", "not committed there");
    const dry = rig.run(["snapshot", "save", "--dry-run", "--json"], { cwd: "sub" });
    expect((JSON.parse(dry.out) as { changes: unknown }).changes).toMatchObject({ code: [], submodules: ["module"] });
    rmSync(rig.path("module/new"));
    rig.ok("snapshot", "export", "v2", "../v2.tar");
    rig.ok("snapshot", "import", "../v2.tar", "../v2");
    expect(rig.git("-C", "../v2", "status", "--porcelain")).toBe("");
    rig.git("worktree", "add", "-q", "-b", "side", "../side");
    mkdirSync(rig.path("../side"), { recursive: true });
    expect(rig.run(["pull", "-q"], { cwd: "../side/sub" }).code).not.toBe(0); // no remote: nothing in this cache
    rig.write("../side/sub/x.bin", "3");
    expect(rig.run(["snapshot", "save", "--tag", "v3"], { cwd: "../side/sub" }).err).toBe("");
    expect(rig.run(["snapshot", "verify", "v3", "--deep"], { cwd: "../side/sub" }).code).toBe(0);
    expect(rig.git("rev-parse", "v3^{commit}")).toBe(rig.git("rev-parse", "side"));
  });
});

describe("snapshot list, show and diff", () => {
  it("tell sizes, metrics, who and where", () => {
    twoVersions();
    expect(json("snapshot", "list", "-r")).toMatchObject([
      {
        tags: ["v2.0"],
        files: 4,
        metrics: { "metrics.json": { acc: 0.95 } },
        author: { name: "Test", email: "test@example.com" },
        local: { complete: true },
        remotes: { store: { complete: true } },
      },
      { tags: ["v1.0"], message: "first", files: 3, bytes: 11, local: { objects: 4, present: 4 } },
    ]);
    expect(json("snapshot", "list", "-n", "1")).toHaveLength(1);
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    expect(json("snapshot", "show", "v1.0", "-r", "store")).toMatchObject({
      name: "v1.0",
      local: { complete: false },
      remotes: { store: { complete: false, present: 2 } },
      outputs: [
        { path: "data", kind: "folder", files: 2, size: 4 },
        { path: "model.pkl", kind: "file", size: 7 },
      ],
    });
    expect(rig.run(["snapshot", "show", "v9"]).err).toContain("unknown Git revision 'v9'");
  });

  it("compare code, data, params and metrics; manifests come from the remote", () => {
    twoVersions();
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    expect(json("snapshot", "diff", "v1.0", "v2.0")).toMatchObject({
      code: [
        { path: "metrics.json", change: "modified" },
        { path: "train.py", change: "modified" },
      ],
      data: { added: [{ path: "data/c" }], modified: [{ path: "data/" }, { path: "model.pkl" }] },
      metrics: { files: [{ path: "metrics.json", changes: [{ key: "acc", old: 0.9, new: 0.95 }] }] },
    });
    expect(rig.ok("snapshot", "diff", "v2.0", "v2.0")).toContain("are equal");
  });
});

describe("snapshot restore", () => {
  it("brings code, data and model back, fetches what is missing, and goes back to the branch", () => {
    twoVersions();
    rig.ok("gc", "-q", "-f", "-w");
    rig.ok("snapshot", "restore", "v1.0");
    expect([rig.read("model.pkl"), rig.read("train.py"), rig.read("data/c")]).toEqual(["model 1", "1\n", undefined]);
    expect(rig.ok("status")).toContain("up to date");
    rig.ok("snapshot", "restore", "main");
    expect([rig.read("model.pkl"), rig.git("branch", "--show-current")]).toEqual(["model 2", "main\n"]);
  });

  it("leaves a workspace alone that holds work which is saved nowhere", () => {
    twoVersions();
    appendFileSync(rig.path("train.py"), "mine\n");
    rig.write("data/mine", "mine");
    for (const words of [["v1.0"], ["v1.0", "train.py"], ["v1.0", "."]]) {
      const ran = rig.run(["snapshot", "restore", ...words]);
      expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("train.py")]);
    }
    expect(rig.run(["snapshot", "restore", "v1.0", "--data-only"]).err).toContain("data/mine");
    expect([rig.read("train.py"), rig.read("data/mine"), rig.read("model.pkl")]).toEqual([
      "2\nmine\n",
      "mine",
      "model 2",
    ]);
  });

  it("changes nothing when data can't be had", () => {
    twoVersions();
    rig.ok("gc", "-q", "-f", "-w");
    rmSync(rig.path("../store"), { recursive: true });
    const ran = rig.run(["snapshot", "restore", "v1.0"]);
    expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("neither in the cache nor on a remote")]);
    expect([rig.read("train.py"), rig.read("model.pkl")]).toEqual(["2\n", "model 2"]);
  });

  it("restores data only, files of code, tracked data and parts of folders", () => {
    twoVersions();
    rig.ok("snapshot", "restore", "v1.0", "--data-only");
    expect([rig.read("model.pkl"), rig.read("train.py")]).toEqual(["model 1", "2\n"]);
    expect(rig.git("status", "--porcelain")).toBe(" M data.dvc\n M model.pkl.dvc\n");
    expect(rig.ok("status")).toContain("up to date");
    rig.git("restore", ".");
    rig.ok("checkout");
    rig.ok("snapshot", "restore", "v1.0", "model.pkl", "train.py");
    expect([rig.read("model.pkl"), rig.read("train.py"), rig.read("data/c")]).toEqual(["model 1", "1\n", "c1"]);
    rmSync(rig.path("data/a"));
    rig.ok("snapshot", "restore", "v1.0", "data/a");
    expect([rig.read("data/a"), rig.read("data/c")]).toEqual(["a1", "c1"]);
    for (const path of ["nothing", "data/c"])
      expect(rig.run(["snapshot", "restore", "v1.0", path]).err).toContain(`'${path}' is not in snapshot 'v1.0'`);
  });
});

describe("snapshot verify", () => {
  it("finds missing objects and, deep, damaged bytes, in the cache and on a remote", () => {
    twoVersions();
    expect(json("snapshot", "verify", "v1.0", "--deep")).toMatchObject({ ok: true, problems: [] });
    expect(json("snapshot", "verify", "v1.0", "--remote", "--deep")).toMatchObject({ ok: true });
    const [model] = (json("snapshot", "show", "v1.0") as { outputs: { path: string; hash: string }[] }).outputs.filter(
      ({ path }) => path === "model.pkl",
    );
    const oid = model?.hash ?? "";
    const at = (root: string): string => rig.path(`${root}/files/md5/${oid.slice(0, 2)}/${oid.slice(2)}`);
    chmodSync(at("../store"), 0o644);
    appendFileSync(at("../store"), "x");
    cpSync(rig.path(".dvc/cache"), rig.path("../spare"), { recursive: true });
    rmSync(at(".dvc/cache"), { force: true });
    expect(rig.run(["snapshot", "verify", "v1.0", "--remote"]).code).toBe(0);
    const deep = rig.run(["snapshot", "verify", "v1.0", "-r", "store", "--deep", "--json"]);
    expect(deep.code).toBe(1);
    expect(JSON.parse(deep.out)).toMatchObject({
      problems: [{ store: "store", problem: "damaged", path: "model.pkl", oid }],
    });
    const local = rig.run(["snapshot", "verify", "v1.0"]);
    expect([local.code, local.out]).toEqual([1, expect.stringMatching(/missing[^]*Repair: holdfast fetch --all-tags/)]);
    const remote = rig.run(["snapshot", "verify", "v1.0", "-r", "store", "--deep"]);
    expect(remote.out).toContain("or holdfast fsck --repair -A -r store");
    expect(rig.run(["fsck", "--repair", "-A", "-r", "store", "--from", "../spare"]).code).toBe(0);
    expect(rig.run(["snapshot", "verify", "v1.0", "-r", "store", "--deep"]).code).toBe(0);
    expect(existsSync(at("../store"))).toBe(true);
  });
});
