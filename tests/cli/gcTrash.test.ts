import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesUnder, objectsIn } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

const put = (path: string, content: string): void => {
  mkdirSync(join(rig.dir, path, ".."), { recursive: true });
  rmSync(join(rig.dir, path), { force: true });
  writeFileSync(join(rig.dir, path), content);
};
const commit = (message: string): void => {
  rig.git("add", "-A");
  rig.git("commit", "-q", "-m", message);
};
/** Tracks a version of `data` and commits it. */
const version = (content: string): void => {
  put("data", content);
  rig.ok("add", "-q", "data");
  commit(content);
};
const objects = (folder = ".dvc/cache"): Set<string> => objectsIn(join(rig.dir, folder));

describe("the trash of gc", () => {
  it("keeps what gc removed, brings it back, or frees it", () => {
    version("one");
    version("two");
    const before = objects();
    const ran = rig.ok("gc", "-w", "-f");
    expect(ran).toContain("Removed 1 objects from repo cache.");
    expect(ran).toContain("The trash holds 1 object (3 B), each for 14 days");
    expect(objects().size).toBe(1);
    expect(rig.ok("gc", "--undo")).toContain("Brought back 1 object (3 B)");
    expect(objects()).toEqual(before);
    expect(filesUnder(join(rig.dir, ".dvc/tmp/trash"))).toEqual([]);
    rig.ok("gc", "-w", "-f", "-q");
    expect(rig.ok("gc", "--purge", "-f")).toContain("Freed 1 object (3 B).");
    expect(rig.run(["gc", "--undo"]).code).toBe(255);
  });

  it("empties itself at the next gc, after the days that are set", () => {
    version("one");
    version("two");
    rig.ok("gc", "-w", "-f");
    expect(objects(".dvc/tmp/trash").size).toBe(1);
    rig.run(["gc", "-w", "-f"], { env: { HOLDFAST_TRASH_DAYS: "1" } });
    expect(objects(".dvc/tmp/trash").size).toBe(1);
    const ran = rig.run(["gc", "-w", "-f"], { env: { HOLDFAST_TRASH_DAYS: "0" } });
    expect(ran.out).toContain("Deleted 1 object (3 B) from the trash for good.");
    expect(objects(".dvc/tmp/trash").size).toBe(0);
    expect(rig.run(["gc", "-w", "-f"], { env: { HOLDFAST_TRASH_DAYS: "soon" } }).err).toContain("no number of days");
  });

  it("prints what DVC prints when it is called as dvc", () => {
    version("one");
    version("two");
    expect(rig.dvc(["gc", "-w", "-f"]).out).toBe(
      "Removed 1 objects from repo cache.\nNo unused 'legacy' cache to remove.\n",
    );
  });

  it("lies in an external cache when the cache does", () => {
    const outside = join(rig.dir, "..", "shared");
    rig.ok("cache", "dir", "--local", outside);
    version("one");
    version("two");
    rig.ok("gc", "-w", "-f");
    expect(objectsIn(join(outside, "trash")).size).toBe(1);
    rig.ok("gc", "--undo");
    expect(objectsIn(join(outside, "files")).size).toBe(2);
  });

  it("is named when a checkout lacks what lies in it", () => {
    version("one");
    version("two");
    rig.ok("gc", "-w", "-f");
    rig.git("checkout", "-q", "HEAD~1");
    const failed = rig.run(["checkout"]);
    expect(failed.code).toBe(255);
    expect(failed.err).toContain("'holdfast gc --undo' brings the last 'gc' back");
    rig.ok("gc", "--undo");
    rig.ok("checkout");
    expect(readFileSync(join(rig.dir, "data"), "utf8")).toBe("one");
  });

  it("--preview says which paths at which revisions lose what, and changes nothing", () => {
    version("one");
    rig.git("tag", "v1");
    version("two");
    put("data", "three");
    rig.ok("add", "-q", "data");
    const before = objects();
    const preview = JSON.parse(rig.ok("gc", "-w", "--preview", "--json")) as Record<string, unknown>;
    expect(preview).toMatchObject({
      objects: 2,
      bytes: 6,
      losses: [
        { path: "data", revisions: ["main"], objects: 1, bytes: 3 },
        { path: "data", revisions: ["v1"], objects: 1, bytes: 3 },
      ],
      unnamed: { objects: 0 },
    });
    expect(objects()).toEqual(before);
  });
});

describe("gc spares", () => {
  beforeEach(() => {
    version("one");
  });

  it("what is stashed, also untracked", () => {
    put("data", "stashed");
    rig.ok("add", "-q", "data");
    put("new", "untracked");
    rig.ok("add", "-q", "new");
    rig.git("stash", "-q", "-u");
    rig.ok("gc", "-w", "-f");
    expect(objects().size).toBe(3);
    rig.git("stash", "drop", "-q");
    rig.ok("gc", "-w", "-f");
    expect(objects().size).toBe(1);
  });

  it("what is staged, but not HEAD's own", () => {
    put("data", "staged");
    rig.ok("add", "-q", "data");
    rig.git("add", "data.dvc");
    put("data", "newest");
    rig.ok("add", "-q", "data");
    rig.ok("gc", "-w", "-f");
    expect(objects().size).toBe(2);
    expect(objects(".dvc/tmp/trash").size).toBe(1);
  });

  it("what a sparse checkout leaves out of the workspace", () => {
    put("far/data", "far");
    rig.ok("add", "-q", "far/data");
    commit("far");
    put("data", "two");
    rig.ok("add", "-q", "data");
    rig.git("sparse-checkout", "set", "--no-cone", "/*", "!/far/");
    rmSync(join(rig.dir, "far"), { recursive: true, force: true });
    rig.ok("gc", "-w", "-f");
    expect(objects().size).toBe(2);
    expect(objects(".dvc/tmp/trash").size).toBe(1);
  });

  it("workspace and HEAD of other worktrees", () => {
    rig.git("worktree", "add", "-q", "-b", "side", "../side");
    version("two");
    rig.ok("gc", "-w", "-f");
    expect(objects().size).toBe(2);
    rmSync(join(rig.dir, "../side"), { recursive: true });
    rig.git("worktree", "prune");
    rig.ok("gc", "-w", "-f");
    expect(objects().size).toBe(1);
  });

  it.each([
    ["is named", true],
    ["is not known", false],
  ])("HEAD of the first worktree, when Git's folder lies elsewhere and its place %s", (_, isNamed) => {
    rig.ok("cache", "dir", "-q", "../shared");
    version("one");
    rig.git("init", "-q", "--separate-git-dir", "../store.git");
    if (isNamed) rig.git("config", "core.worktree", rig.dir);
    rig.git("worktree", "add", "-q", "-b", "side", "../side");
    version("two");
    // As if only DVC had been used there.
    rmSync(join(rig.dir, "../shared/projects"), { recursive: true });
    const ran = rig.run(["gc", "-w", "-f"], { cwd: "../side" });
    expect([ran.code, objects("../shared/files").size]).toEqual([0, 2]);
  });

  it("what tags, branches and commits need, each as asked for", () => {
    version("tagged");
    rig.git("tag", "-a", "-m", "one", "one");
    rig.git("tag", "plain");
    rig.git("checkout", "-q", "-b", "side");
    version("on a branch");
    rig.git("checkout", "-q", "main");
    rig.git("reset", "-q", "--hard", "HEAD~1");
    version("newest");
    for (const [flag, left] of [
      ["-A", 4],
      ["-T", 2],
      ["-a", 2],
      ["-w", 1],
    ] as const) {
      rig.ok("gc", flag, "-f");
      expect([flag, objects().size]).toEqual([flag, left]);
      if (flag === "-T") rig.ok("gc", "--undo");
    }
  });

  it("the tips of branches, also with a number of commits that is none", () => {
    put("data", "edited");
    rig.ok("add", "-q", "data");
    for (const words of [
      ["-n", "0"],
      ["-n", "1"],
      ["--num", "-1"],
    ])
      rig.ok("gc", "-a", ...words, "-f");
    expect(objects().size).toBe(2);
    expect(rig.run(["gc", "-n", "0", "-f"]).err).toContain("Either of");
    rig.ok("gc", "-w", "-n", "0", "-f");
    expect(objects().size).toBe(1);
  });

  it("experiments", () => {
    const base = rig.git("rev-parse", "HEAD").trim();
    version("two");
    rig.git("update-ref", `refs/exps/${base.slice(0, 2)}/${base.slice(2)}/try`, base);
    rig.ok("gc", "-w", "-f");
    expect(objects().size).toBe(2);
  });

  it("the other projects of a shared cache, in all their commits; one that is gone counts no more", () => {
    const shared = join(rig.dir, "..", "shared");
    rig.ok("cache", "dir", "--local", shared);
    rig.ok("add", "-q", "data");
    const other = join(rig.dir, "..", "other");
    mkdirSync(other);
    rig.git("-C", other, "init", "-q", "-b", "main");
    const inOther = (...words: string[]): void => {
      expect(rig.run(words, { cwd: "../other" }).code).toBe(0);
    };
    inOther("init", "-q");
    inOther("cache", "dir", "--local", shared);
    for (const text of ["theirs 1", "theirs 2"]) {
      writeFileSync(join(other, "theirs"), text);
      inOther("add", "-q", "theirs");
      rig.git("-C", other, "add", "-A");
      rig.git("-C", other, "commit", "-q", "-m", text);
    }
    rig.ok("gc", "-w", "-f");
    const stored = (): number => objectsIn(join(shared, "files")).size;
    expect(stored()).toBe(3);
    writeFileSync(join(other, "theirs.dvc"), "outs: [");
    const refused = rig.run(["gc", "-w", "-f"]);
    expect(refused.code).toBe(255);
    expect(refused.err).toContain(`Failed to collect project '${other}', which shares the cache`);
    expect(refused.err).toContain("delete '");
    expect(stored()).toBe(3);
    renameSync(other, `${other}.old`);
    rig.ok("gc", "-w", "-f");
    expect(stored()).toBe(1);
    // Back where it was, it counts again.
    rig.ok("gc", "--undo");
    renameSync(`${other}.old`, other);
    writeFileSync(join(other, "theirs.dvc"), "outs: []");
    rig.ok("gc", "-w", "-f");
    expect(stored()).toBe(3);
    // Not for ever.
    renameSync(other, `${other}.old`);
    const list = (): string[] => readdirSync(join(shared, "projects")).filter((name) => name !== "lock");
    const entries = list().map((name) => join(shared, "projects", name));
    expect(entries).toHaveLength(2);
    for (const entry of entries) utimesSync(entry, 1e9, 1e9);
    rig.ok("gc", "-w", "-f");
    expect(stored()).toBe(1);
    expect(list()).toHaveLength(1);
  });
});

it("gc refuses, and removes nothing, when something cannot be read", () => {
  version("one");
  rig.git("checkout", "-q", "-b", "side");
  put("data", "stashed");
  rig.ok("add", "-q", "data");
  writeFileSync(join(rig.dir, "data.dvc"), "outs: [");
  rig.git("stash", "-q");
  const ran = rig.run(["gc", "-w", "-f"]);
  expect(ran.code).toBe(255);
  expect(ran.err).toContain("Failed to collect stash@{0}");
  expect(objects().size).toBe(2);
  expect(rig.run(["gc", "-w", "-f", "--skip-failed"]).code).toBe(0);
  expect(objects().size).toBe(1);
});

it("gc refuses when the manifest of a folder is gone, also one that a partial import has brought", () => {
  for (const name of ["a", "b"]) put(`../source/${name}`, name);
  rig.ok("import-url", "-q", "--no-download", join(rig.dir, "../source"), "brought");
  rig.run(["fetch", "-q"]);
  for (const name of ["a", "b"]) put(`own/${name}`, name);
  rig.ok("add", "-q", "own");
  for (const path of filesUnder(join(rig.dir, ".dvc/cache"))) if (path.endsWith(".dir")) rmSync(path);
  const before = objects();
  expect(before.size).toBe(2);
  const ran = rig.run(["gc", "-w", "-f"]);
  expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("without cache for directory 'own'")]);
  expect(objects()).toEqual(before);
});

it("gc refuses scopes that need history in a shallow clone, without --force", () => {
  version("one");
  version("two");
  rig.git("clone", "-q", "--depth", "1", `file://${rig.dir}`, "../shallow");
  const inClone = (...words: string[]): { code: number; err: string } => rig.run(words, { cwd: "../shallow" });
  expect(inClone("gc", "-w", "-f").code).toBe(0);
  const refused = rig.run(["gc", "-A"], { cwd: "../shallow", input: "y\n" });
  expect(refused.code).toBe(255);
  expect(refused.err).toContain("is a shallow clone");
  expect(inClone("gc", "-A", "-f").code).toBe(0);
});
