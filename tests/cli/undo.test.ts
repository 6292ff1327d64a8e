import { appendFileSync, chmodSync, cpSync, existsSync, lstatSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesUnder, md5Of } from "../support/killing.ts";
import { BINARY, Rig } from "../support/rig.ts";

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

/** Runs the command, undoes it, does it again and undoes that, and expects the workspace to be as it was each time. */
function expectUndone(...command: string[]): void {
  const before = workspace();
  rig.ok(...command);
  const after = workspace();
  expect(after).not.toEqual(before);
  const verb = ["snapshot", "stage", "dataset"].includes(command[0] ?? "")
    ? command.slice(0, 2).join(" ")
    : (command[0] ?? "");
  expect(rig.ok("undo")).toContain(`Undid '${verb}' of `);
  expect(workspace()).toEqual(before);
  expect(rig.ok("undo", "--redo")).toContain(`Redid '${verb}' of `);
  expect(workspace()).toEqual(after);
  rig.ok("undo");
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

  it.each(["symlink", "hardlink"])("add of a new version with %ss: gc can't take what is no longer named", (type) => {
    rig.ok("config", "cache.type", type);
    rig.ok("add", "-q", "data", "file");
    for (const name of ["data/a", "file"]) {
      rmSync(rig.path(name));
      rig.write(name, "two");
    }
    const isLink = (name: string): boolean => {
      const stat = lstatSync(rig.path(name));
      return stat.isSymbolicLink() || stat.nlink > 1;
    };
    for (const command of [
      ["add", "-q", "data", "file"],
      ["commit", "-q", "-f"],
    ]) {
      rig.ok(...command);
      expect(["data/a", "data/b", "file"].map(isLink)).toEqual([true, true, true]);
      rig.ok("undo");
      expect(["data/a", "data/b", "file"].map(isLink)).toEqual([false, true, false]);
    }
    const before = workspace();
    rig.ok("gc", "-w", "-f");
    expect(workspace()).toEqual(before);
  });

  it("get and get-url, with what they replaced", () => {
    for (const name of ["a", "new/d"]) rig.write(`../there/data/${name}`, `${name} of theirs`);
    rig.git("init", "-q", "../there");
    rig.git("-C", "../there", "add", ".");
    rig.git("-C", "../there", "commit", "-q", "-m", "theirs");
    expectUndone("get", "-q", "../there", "data", "-o", "got");
    expectUndone("get", "-q", "../there", "data", "-f");
    expectUndone("get-url", "-q", "../there/data/a", "got");
    expectUndone("get-url", "-q", "../there/data/a", "file", "-f");
    rig.ok("add", "-q", "file");
    expectUndone("get-url", "-q", "../there/data/a", "file", "-f");
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
    expect(rig.run(["undo", "--redo"]).err).toContain("Run it again: holdfast gc");
    rig.ok("gc", "-w", "-f");
    rig.ok("gc", "--undo");
    // Nothing of gc is left to undo: the newest is the add.
    expect(rig.ok("undo")).toContain("Undid 'add'");
  });

  it("freeze, stage add, unprotect", () => {
    rig.ok("config", "cache.type", "symlink");
    rig.ok("add", "-q", "data");
    rig.ok("stage", "add", "-q", "-n", "one", "-d", "file", "-o", "out", "cp file out");
    expectUndone("stage", "add", "-n", "two", "-d", "out", "-o", "last", "cp out last");
    expectUndone("freeze", "one");
    const link = (): boolean => lstatSync(rig.path("data/a")).isSymbolicLink();
    rig.ok("unprotect", "data");
    expect(link()).toBe(false);
    rig.ok("undo");
    expect(link()).toBe(true);
    rig.ok("undo", "--redo");
    expect(link()).toBe(false);
    rig.write("data/a", "mine");
    expect(rig.run(["undo"]).err).toContain("changed since:\ndata");
  });

  it("import, import-url and update", () => {
    const other = new Rig().project();
    other.write("set/x", "x 1");
    other.write("set/y", "y");
    other.ok("add", "-q", "set");
    other.git("add", "-A");
    other.git("commit", "-q", "-m", "1");
    expectUndone("import", "-q", other.dir, "set");
    rig.ok("import", "-q", other.dir, "set");
    other.write("set/x", "x 2");
    other.ok("add", "-q", "set");
    other.git("commit", "-q", "-a", "-m", "2");
    expectUndone("update", "-q", "set.dvc");
    rig.write("set/x", "mine, replaced by update");
    expectUndone("update", "-q", "set.dvc");
    expectUndone("update", "-q", "--no-download", "set.dvc");
    other.write("plain", "plain");
    rig.write("plain", "mine");
    expectUndone("import-url", "-q", "-f", other.path("plain"));
    other.close();
  });

  it("dataset add and update", () => {
    const source = rig.path("../there");
    rig.git("init", "-q", source);
    const theirs = (text: string): void => {
      rig.write("../there/x", text);
      rig.git("-C", source, "add", ".");
      rig.git("-C", source, "commit", "-q", "-m", text);
    };
    theirs("one");
    rig.ok("stage", "add", "-q", "-n", "s", "-o", "out", "echo out > out");
    rig.ok("repro", "-q");
    expectUndone("dataset", "add", "--dvc", source, "--path", "x", "ds");
    rig.ok("dataset", "add", "--dvc", source, "--path", "x", "ds");
    theirs("two");
    expectUndone("dataset", "update", "ds");
  });

  it("evict, once the data is fetched", () => {
    rig.ok("remote", "add", "-q", "-d", "store", rig.path("../store"));
    rig.ok("add", "-q", "data");
    rig.ok("push", "-q");
    const before = workspace();
    rig.ok("evict", "data.dvc");
    const refused = rig.run(["undo"]);
    expect([refused.code, refused.err]).toEqual([255, expect.stringContaining("fetch', then undo again")]);
    rig.ok("fetch", "-q");
    rig.ok("undo");
    expect(workspace()).toEqual(before);
  });

  it("snapshot restore: Git's HEAD, code and data; some paths; only data", () => {
    rig.write("code.py", "1");
    rig.ok("add", "-q", "data", "file");
    commit("1");
    rig.git("tag", "one");
    rig.write("data/a", "a 2");
    rmSync(rig.path("data/b"));
    rig.write("code.py", "2");
    rig.write("binary", new Uint8Array([255, 0, 254]));
    rig.ok("add", "-q", "data");
    commit("2");
    rig.git("tag", "two");
    rig.write("binary", new Uint8Array([255, 0, 253]));
    commit("3");
    expectUndone("snapshot", "restore", "one");
    expect(rig.git("rev-parse", "--abbrev-ref", "HEAD")).toBe("main\n");
    expect(rig.git("status", "--porcelain")).toBe("");
    expectUndone("snapshot", "restore", "one", "--data-only");
    expectUndone("snapshot", "restore", "one", "code.py", "data");
    expectUndone("snapshot", "restore", "two", "binary");
  });

  it("nothing of snapshot restore as long as Git refuses", () => {
    rig.write("code.py", "1");
    rig.ok("add", "-q", "data");
    commit("1");
    rig.write("code.py", "2");
    rig.write("data/a", "a 2");
    rig.ok("add", "-q", "data");
    commit("2");
    rig.ok("snapshot", "restore", "HEAD~1");
    rig.write("code.py", "mine");
    const before = workspace();
    const refused = rig.run(["undo"]);
    expect([refused.code, refused.err]).toEqual([255, expect.stringContaining("Neither code nor data was changed")]);
    expect(workspace()).toEqual(before);
    rig.git("checkout", "-q", "code.py");
    rig.ok("undo");
    expect([rig.read("code.py"), rig.read("data/a")]).toEqual(["2", "a 2"]);
  });

  it("snapshot restore under a hook that checks data out as well", () => {
    rig.ok("add", "-q", "data");
    commit("1");
    rig.write("data/a", "a 2");
    rig.ok("add", "-q", "data");
    commit("2");
    rig.write(
      ".git/hooks/post-checkout",
      `#!/bin/sh\nexec '${process.execPath}' '${BINARY}' git-hook post-checkout "$@"\n`,
    );
    chmodSync(rig.path(".git/hooks/post-checkout"), 0o755);
    expectUndone("snapshot", "restore", "HEAD~1");
  });

  it("repro: outputs and dvc.lock; what a person made of an output comes from the trash", () => {
    rig.ok(
      "stage",
      "add",
      "-q",
      "-n",
      "one",
      "-d",
      "file",
      "-o",
      "out",
      "-o",
      "more",
      "cp file out; mkdir more; cp file more/x",
    );
    rig.ok("stage", "add", "-q", "-n", "two", "-d", "out", "-M", "metric.json", "cp out metric.json");
    expectUndone("repro", "-q");
    rig.ok("repro", "-q");
    rig.write("file", "two");
    expectUndone("repro", "-q");
    rig.write("more/mine", "mine");
    rig.write("metric.json", "mine");
    expectUndone("repro", "-q", "-f");
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

describe("undo --redo refuses", () => {
  it("when nothing was undone, or something else was done since", () => {
    rig.write("file", "one");
    rig.write("other", "one");
    expect(rig.run(["undo", "--redo"]).err).toContain("there is nothing to do again");
    rig.ok("add", "-q", "file");
    rig.ok("undo");
    rig.ok("add", "-q", "other");
    const refused = rig.run(["undo", "--redo"]);
    expect([refused.code, refused.err]).toEqual([255, expect.stringContaining("The last change is 'add'")]);
  });

  it("what was changed since", () => {
    rig.write("file", "one");
    rig.ok("add", "-q", "file");
    rig.ok("undo");
    rig.write("file.dvc", "mine");
    expect(rig.run(["undo", "--redo"]).err).toContain("can't redo 'add': these were changed since:\nfile.dvc");
    rig.ok("undo", "--redo", "--force");
    expect(rig.read("file.dvc")).toContain("md5:");
  });

  it("step by step, the last undone first", () => {
    rig.write("file", "one");
    rig.ok("add", "-q", "file");
    const first = workspace();
    rig.ok("move", "-q", "file", "other");
    const second = workspace();
    rig.ok("undo");
    rig.ok("undo");
    rig.ok("undo", "--redo");
    expect(workspace()).toEqual(first);
    rig.ok("undo", "--redo");
    expect(workspace()).toEqual(second);
  });
});

describe("undo refuses", () => {
  const entries = (): number => (JSON.parse(rig.ok("undo", "--list", "--json")) as unknown[]).length;

  it("snapshot save and purge, which say how else, and --force passes over them", () => {
    rig.write("file", "one");
    rig.ok("add", "-q", "file");
    const before = entries();
    rig.git("update-ref", "-d", "HEAD");
    rig.ok("snapshot", "save", "-q", "-m", "first");
    const refused = rig.run(["undo"]);
    expect(refused.code).toBe(255);
    expect(refused.err).toMatch(
      /'snapshot save' can't be taken back by undo: it made a commit.*git update-ref -d HEAD\n/,
    );
    // Saved again, nothing is made that could be taken back; with a name for it a tag.
    rig.ok("snapshot", "save", "-q");
    expect(entries()).toBe(before + 1);
    rig.ok("snapshot", "save", "-q", "--tag", "v1");
    expect(rig.run(["undo"]).err).toContain(
      "it made a tag of Git's; as long as nobody has it, you can take it back yourself: git tag -d v1\n",
    );
    rig.ok("undo", "--force");
    rig.ok("undo", "--force");
    expect(existsSync(rig.path("file.dvc"))).toBe(true);
    rig.ok("undo");
    expect(existsSync(rig.path("file.dvc"))).toBe(false);
    rig.git("checkout", "-q", ".");
    rig.ok("purge", "-f", "file.dvc");
    expect(rig.run(["undo"]).err).toContain("'purge' can't be taken back");
  });

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

it("takes back what was done before the project was moved, and in a copy that copy's files alone", () => {
  rig.write("sub/data/a", "a");
  rig.write("sub/code.py", "1");
  const at = (cwd: string, ...words: string[]): string => {
    const ran = rig.run(words, { cwd });
    expect([ran.code, ran.err]).toEqual([0, ""]);
    return ran.out;
  };
  at("sub", "init", "-q", "--subdir");
  at("sub", "add", "-q", "data");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "1");
  rig.git("tag", "one");
  rig.write("sub/data/a", "mine");
  at("sub", "remove", "-q", "--outs", "data.dvc");
  cpSync(rig.dir, rig.path("../copy"), { recursive: true });
  expect(at("../copy/sub", "undo", "--list")).toMatch(/remove +data\.dvc/);
  at("../copy/sub", "undo");
  expect([rig.read("../copy/sub/data/a"), rig.read("sub/data/a")]).toEqual(["mine", undefined]);
  renameSync(rig.path("sub"), rig.path("moved"));
  at("moved", "undo");
  expect(rig.read("moved/data/a")).toBe("mine");
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
  expect(lines).toHaveLength(3); // the command, the folder, and that it was done
});
