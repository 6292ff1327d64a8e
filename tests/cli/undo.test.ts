import { appendFileSync, existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesUnder, md5Of } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

/** Everything a person sees, by path: the bytes of each file that is not Git's or ours. */
function workspace(): Map<string, string> {
  const own = filesUnder(rig.dir).filter((path) => !/\/\.git\/|\/\.dvc\/(tmp|cache)\//.test(path));
  return new Map(own.map((path) => [path, md5Of(path)]));
}

/** Runs the command, undoes it, and expects the workspace to be as it was. */
function expectUndone(...command: string[]): void {
  const before = workspace();
  rig.ok(...command);
  expect(workspace()).not.toEqual(before);
  expect(rig.ok("undo")).toContain(`Undid '${command[0] ?? ""}' of `);
  expect(workspace()).toEqual(before);
}

function commit(message: string): void {
  rig.git("add", "-A");
  rig.git("commit", "-q", "-m", message);
}

describe("undo takes back", () => {
  beforeEach(() => {
    for (const name of ["a", "b", "sub/c"]) rig.write(`data/${name}`, `${name} 1`);
    rig.write("file", "one");
  });

  it("add, of new data and of a new version", () => {
    expectUndone("add", "-q", "data", "file");
    rig.ok("add", "-q", "data");
    rig.write("data/a", "a 2");
    expectUndone("add", "-q", "data");
  });

  it("add with links: what is tracked no longer is no link into the cache", () => {
    rig.ok("config", "cache.type", "symlink");
    expectUndone("add", "-q", "data");
    expect(lstatSync(rig.path("data/a")).isSymbolicLink()).toBe(false);
  });

  it("commit", () => {
    rig.ok("add", "-q", "data", "file");
    rig.write("data/new", "new");
    expectUndone("commit", "-q", "-f");
  });

  it("move", () => {
    rig.ok("add", "-q", "data");
    expectUndone("move", "-q", "data", "elsewhere");
  });

  it("remove, with its data too, tracked or edited since", () => {
    rig.ok("add", "-q", "data", "file");
    expectUndone("remove", "data.dvc");
    expectUndone("remove", "--outs", "data.dvc");
    rig.write("data/a", "edited, in no cache");
    expectUndone("remove", "--outs", "data.dvc", "file.dvc");
  });

  it("checkout of another version, and of nothing there", () => {
    rig.ok("add", "-q", "data", "file");
    commit("1");
    rig.write("data/a", "a 2");
    rig.write("data/new/d", "d");
    rmSync(rig.path("data/b"));
    rig.ok("add", "-q", "data");
    commit("2");
    rig.git("checkout", "-q", "HEAD~1");
    expectUndone("checkout");
    rmSync(rig.path("data"), { recursive: true });
    expectUndone("checkout");
  });

  it("checkout -f: what was in no cache comes back from the trash", () => {
    rig.ok("add", "-q", "data", "file");
    rig.write("data/a", "edited");
    rig.write("data/extra", "extra");
    rig.write("file", "edited");
    expectUndone("checkout", "-f");
  });

  it("checkout of data that no stage lists any more", () => {
    rig.ok("add", "-q", "data", "file");
    rmSync(rig.path("data"), { recursive: true });
    rig.ok("checkout");
    rmSync(rig.path("data.dvc"));
    expectUndone("checkout");
  });

  it("pull", () => {
    rig.ok("remote", "add", "-q", "-d", "store", rig.path("../store"));
    rig.ok("add", "-q", "data");
    rig.ok("push", "-q");
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    rmSync(rig.path("data"), { recursive: true });
    expectUndone("pull", "-q");
  });

  it("gc", () => {
    rig.ok("add", "-q", "file");
    rig.write("file", "two");
    rig.ok("add", "-q", "file");
    rig.ok("gc", "-w", "-f");
    expect(filesUnder(rig.path(".dvc/cache"))).toHaveLength(1);
    expect(rig.ok("undo")).toContain("bring back");
    expect(filesUnder(rig.path(".dvc/cache"))).toHaveLength(2);
  });

  it("one command after the other, the newest first", () => {
    const first = workspace();
    rig.ok("add", "-q", "file");
    const second = workspace();
    rig.ok("move", "-q", "file", "other");
    const list = JSON.parse(rig.ok("undo", "--list", "--json")) as { verb: string; isUndone: boolean }[];
    expect(list.map(({ verb, isUndone }) => [verb, isUndone])).toEqual([
      ["move", false],
      ["add", false],
    ]);
    rig.ok("undo");
    expect(workspace()).toEqual(second);
    rig.ok("undo");
    expect(workspace()).toEqual(first);
    const none = rig.run(["undo"]);
    expect([none.code, none.err]).toEqual([255, expect.stringContaining("there is nothing to undo")]);
  });
});

describe("undo refuses", () => {
  it("what was changed since, and with --force keeps it in the trash", () => {
    rig.write("file", "one");
    rig.ok("add", "-q", "file");
    appendFileSync(rig.path("file.dvc"), "# mine\n");
    const refused = rig.run(["undo"]);
    expect(refused.code).toBe(255);
    expect(refused.err).toContain("can't undo 'add': these were changed since:\nfile.dvc");
    expect(existsSync(rig.path("file.dvc"))).toBe(true);
    rig.ok("undo", "--force");
    expect(existsSync(rig.path("file.dvc"))).toBe(false);
    const kept = filesUnder(rig.path(".dvc/tmp/trash")).filter((path) => path.endsWith("file.dvc"));
    expect(kept).toHaveLength(1);
  });

  it("when data was edited after a checkout", () => {
    rig.write("data/a", "1");
    rig.ok("add", "-q", "data");
    rmSync(rig.path("data"), { recursive: true });
    rig.ok("checkout");
    rig.write("data/a", "mine");
    const refused = rig.run(["undo"]);
    expect(refused.code).toBe(255);
    expect(refused.err).toContain("\ndata");
    expect(rig.read("data/a")).toBe("mine");
    rig.ok("undo", "-f");
    expect(existsSync(rig.path("data"))).toBe(false);
    const kept = filesUnder(rig.path(".dvc/tmp/trash")).map((path) => md5Of(path));
    rig.write("probe", "mine");
    expect(kept).toContain(md5Of(rig.path("probe")));
  });
});

it("undo --dry-run changes nothing", () => {
  rig.write("file", "one");
  rig.ok("add", "-q", "file");
  const before = workspace();
  expect(rig.ok("undo", "--dry-run")).toMatch(/Would undo 'add' of [\s\S]*delete {6}file\.dvc/);
  expect(workspace()).toEqual(before);
});

it("a checkout of a folder is one line of the journal, however many files it has", () => {
  for (let n = 0; n < 300; n++) rig.write(`data/${String(n)}`, String(n));
  rig.ok("add", "-q", "data");
  rmSync(rig.path("data"), { recursive: true });
  rig.ok("checkout", "-q");
  const [newest] = readdirSync(rig.path(".dvc/tmp/journal")).sort().reverse();
  const lines = (rig.read(join(".dvc/tmp/journal", newest ?? "")) ?? "").trimEnd().split("\n");
  expect(lines).toHaveLength(2);
});
