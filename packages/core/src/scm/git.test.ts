import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Environment } from "../base/platform.ts";
import { Git } from "./git.ts";

let folder: string;
let root: string;
let environment: Environment;

const git = (...args: string[]): string =>
  execFileSync(
    "git",
    [
      "-c",
      "user.name=T",
      "-c",
      "user.email=t@example.org",
      "-c",
      "init.defaultBranch=main",
      "-c",
      "tag.gpgsign=false",
      ...args,
    ],
    {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    },
  ).trim();

const put = (name: string, text: string): void => {
  mkdirSync(join(root, name, ".."), { recursive: true });
  writeFileSync(join(root, name), text);
};

const commit = (message: string): string => {
  git("add", "-A");
  git("commit", "-q", "--allow-empty", "-m", message);
  return git("rev-parse", "HEAD");
};

const open = (): Git => {
  const found = Git.find(root, environment);
  if (found === undefined) throw new Error("no repository");
  return found;
};

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "hf-git-")));
  root = join(folder, "repo");
  mkdirSync(root);
  environment = { cwd: root, env: process.env, home: homedir(), programName: "holdfast", pid: process.pid };
  git("init", "-q");
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("revisions", () => {
  it("has no HEAD before the first commit", () => {
    expect(open().head()).toBeUndefined();
    expect(open().currentBranch()).toBe("main");
    expect(() => open().resolveRev("HEAD")).toThrow("unknown Git revision 'HEAD'");
  });

  it("resolves branches, tags, hashes and ancestors, loose and packed", () => {
    const first = commit("one");
    git("tag", "-a", "v1", "-m", "v1");
    git("branch", "side/one");
    const second = commit("two");
    for (const packed of [false, true]) {
      if (packed) git("pack-refs", "--all");
      const repo = open();
      expect(repo.head()).toBe(second);
      expect(repo.resolveRev("main")).toBe(second);
      expect(repo.resolveRev("v1")).toBe(first);
      expect(repo.resolveRev("main~1")).toBe(first);
      expect(repo.resolveRev(first.slice(0, 8))).toBe(first);
      expect([...repo.branches()]).toEqual([
        ["main", second],
        ["side/one", first],
      ]);
      expect([...repo.tags()]).toEqual([["v1", first]]);
      expect(repo.allCommits()).toEqual([second, first]);
      expect(repo.ancestors("main", 1)).toEqual([second]);
      expect(repo.ancestors("main", -1)).toEqual([second, first]);
    }
  });

  it("prefers a tag to a branch of the same name, as Git does", () => {
    const first = commit("one");
    git("tag", "same");
    const second = commit("two");
    git("branch", "same");
    expect(second).not.toBe(first);
    expect(open().resolveRev("same")).toBe(first);
  });

  it("refuses what is unknown or looks like an option", () => {
    commit("one");
    expect(() => open().resolveRev("nope")).toThrow("unknown Git revision 'nope'");
    expect(() => open().resolveRev("--all")).toThrow("unknown Git revision '--all'");
    for (const day of ["yesterday", "2020-13-45", "2020-1-0", "2020-1-1 ", "20200101"])
      expect(() => open().commitsSince(day)).toThrow(`time data '${day}' does not match format '%Y-%m-%d'`);
    expect(() => open().commitsSince("2020-02-30")).toThrow("day is out of range for month");
  });

  it("finds commits by day", () => {
    const first = commit("one");
    expect(open().commitsSince("2000-01-01")).toEqual([first]);
    expect(open().commitsSince("2000-1-1")).toEqual([first]);
    expect(open().commitsSince("2999-01-01")).toEqual([]);
  });

  it("works in a linked worktree", () => {
    const first = commit("one");
    git("worktree", "add", "-q", "-b", "wt", join(folder, "wt"));
    const repo = Git.find(join(folder, "wt"), environment);
    expect(repo?.root).toBe(join(folder, "wt"));
    expect(repo?.currentBranch()).toBe("wt");
    expect(repo?.head()).toBe(first);
    expect(repo?.hooksDir).toBe(join(root, ".git", "hooks"));
  });
});

describe("files of a commit", () => {
  it("lists and reads them without a working tree", () => {
    put("a.dvc", "outs:\n- path: a\n");
    put("sub dir/ü.txt", "text");
    put("deep/er/dvc.yaml", "stages: {}\n");
    symlinkSync("../a.dvc", join(root, "deep", "link.dvc"));
    commit("one");
    unlinkSync(join(root, "a.dvc"));
    const tree = open().tree("HEAD");
    expect(tree.readText(join(root, "a.dvc"))).toBe("outs:\n- path: a\n");
    expect(tree.readText(join(root, "sub dir", "ü.txt"))).toBe("text");
    expect(tree.readText(join(root, "deep", "link.dvc"))).toBe("outs:\n- path: a\n");
    expect(tree.readText(join(root, "deep"))).toBeUndefined();
    expect(tree.exists(join(root, "deep", "er"))).toBe(true);
    expect(tree.isFile(join(root, "deep", "er"))).toBe(false);
    expect(tree.exists(join(root, "..", "elsewhere"))).toBe(false);
    expect(tree.children(join(root, "deep"))).toEqual([
      { name: "er", isDir: true },
      { name: "link.dvc", isDir: false },
    ]);
  });
});

describe("index and ignore", () => {
  it("says what is tracked, ignored, untracked", () => {
    put(".gitignore", "*.log\n/out\n");
    put("dir/file", "x");
    put("[odd]*", "x");
    commit("one");
    put("new file", "x");
    put("a.log", "x");
    const repo = open();
    const at = (name: string): string => join(root, name);
    expect([...repo.isTracked([at("dir"), at("dir/file"), at("[odd]*"), at("a.log"), at("o"), "/elsewhere"])]).toEqual([
      at("dir"),
      at("dir/file"),
      at("[odd]*"),
    ]);
    expect([...repo.isIgnored([at("a.log"), at("out"), at("dir"), at("new file")])]).toEqual([at("a.log"), at("out")]);
    expect(repo.status("all")).toEqual({ isDirty: false, untracked: ["new file"] });
    put("dir/file", "y");
    expect(repo.status("no")).toEqual({ isDirty: true, untracked: [] });
  });

  it("stages new, changed and deleted files", () => {
    put("a", "1");
    put("b", "1");
    commit("one");
    unlinkSync(join(root, "a"));
    put("--c", "1");
    open().add([join(root, "a"), join(root, "--c"), join(root, "absent"), "/elsewhere"]);
    expect(git("diff", "--cached", "--no-renames", "--name-status")).toBe("A\t--c\nD\ta");
  });

  it("reads and writes settings", () => {
    const repo = open();
    expect(repo.config("merge.dvc.name")).toBeUndefined();
    repo.setConfig("merge.dvc.name", "DVC merge driver");
    expect(repo.config("merge.dvc.name")).toBe("DVC merge driver");
    expect(repo.fileConfig().get("merge.dvc.name")).toBe("DVC merge driver");
    repo.setConfig("core.hooksPath", "my hooks");
    expect(repo.hooksDir).toBe(join(root, "my hooks"));
  });
});

describe("a lock that a killed Git left", () => {
  it("is named, with what to do about it", () => {
    put("a", "a");
    put(".git/index.lock", "");
    const lock = join(root, ".git", "index.lock");
    const failure = expect.objectContaining({ hint: expect.stringContaining(`rm '${lock}'`) as string }) as Error;
    expect(() => {
      open().add([join(root, "a")]);
    }).toThrow(failure);
  });
});
