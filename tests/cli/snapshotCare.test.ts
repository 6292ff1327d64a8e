import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BINARY, Rig } from "../support/rig.ts";
import { gitState, twoVersions, writeHook } from "../support/snapshots.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

const json = (...words: string[]): unknown => JSON.parse(rig.ok(...words, "--json"));

/** Runs the program, and ends it by a signal once `sign` is there. */
async function endOnce(sign: string, signal: NodeJS.Signals, words: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [BINARY, ...words], { cwd: rig.dir, env: rig.env, stdio: "ignore" });
  const ended = new Promise<string>((resolve) => {
    child.once("exit", (code, by) => {
      resolve(by ?? String(code));
    });
  });
  while (!existsSync(rig.path(sign)) && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill(signal);
  return ended;
}

describe("snapshot save", () => {
  it("says what a file in Git's index becomes", () => {
    twoVersions(rig);
    rig.git("rm", "-q", "--cached", "train.py");
    rig.write("new.py", "new");
    rig.git("add", "-N", "new.py");
    rig.write("gone.py", "gone");
    rig.git("add", "gone.py");
    rmSync(rig.path("gone.py"));
    const code = [
      { path: "new.py", change: "added" },
      { path: "train.py", change: "deleted" },
    ];
    expect(json("snapshot", "save", "--dry-run")).toMatchObject({ changes: { code, untracked: ["train.py"] } });
    rig.ok("snapshot", "save");
    expect(rig.git("show", "--format=", "--name-status", "HEAD")).toBe("A\tnew.py\nD\ttrain.py\n");
  });

  it("takes what stages leave to Git and read their parameters from", () => {
    rig.write("params.yaml", "lr: 1\n");
    rig.write("train.py", "1\n");
    const command = 'mkdir -p plots; echo {"a":1} > m.json; cp train.py plots/x.csv';
    rig.ok("stage", "add", "-q", "-n", "t", "-d", "train.py", "-p", "lr", "-M", "m.json", "-O", "plots", command);
    rig.ok("repro", "-q");
    rig.write("more/dvc.yaml", "metrics: [acc.json, ../../far.json]\n");
    rig.write("more/acc.json", '{"acc": 1}');
    rig.write("../far.json", "{}");
    expect(json("snapshot", "save", "--tag", "v1")).toMatchObject({ changes: { untracked: ["train.py"] } });
    const files = rig.git("ls-tree", "-r", "--name-only", "v1").split("\n");
    expect(files).toEqual(
      expect.arrayContaining(["dvc.lock", "m.json", "more/acc.json", "params.yaml", "plots/x.csv"]),
    );
    expect(files).not.toContain("train.py");
  });

  it("says which data is neither here nor in the cache", () => {
    twoVersions(rig);
    rmSync(rig.path("data"), { recursive: true });
    rmSync(rig.path("model.pkl"));
    expect(json("snapshot", "save", "--dry-run")).toMatchObject({
      changes: { absent: ["data", "model.pkl"], elsewhere: [] },
    });
    rmSync(rig.path(".dvc/cache"), { recursive: true });
    expect(rig.ok("snapshot", "save", "--dry-run")).toMatch(/Neither in the workspace nor in the cache.*:\n {4}data\n/);
  });

  it("keeps a message that begins with '#', in commit and tag", () => {
    twoVersions(rig);
    rig.write("train.py", "3\n");
    rig.ok("snapshot", "save", "-m", "#42 better", "--tag", "v3.0");
    expect(rig.git("log", "-1", "--format=%s")).toBe("#42 better\n");
    expect(rig.git("tag", "-l", "--format=%(contents)", "v3.0").trim()).toBe("#42 better");
  });

  it("refuses an import that was edited: no remote would hold it", () => {
    twoVersions(rig);
    rig.git("init", "-q", "../source");
    rig.write("../source/words", "theirs");
    rig.git("-C", "../source", "add", "words");
    rig.git("-C", "../source", "commit", "-q", "-m", "words");
    rig.ok("import", "-q", rig.path("../source"), "words");
    rig.ok("snapshot", "save", "--tag", "v3.0");
    rig.write("words", "mine");
    const before = gitState(rig);
    const ran = rig.run(["snapshot", "save", "--tag", "v4.0"]);
    expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("'words' is an import and was changed")]);
    expect([gitState(rig), rig.read("words")]).toEqual([before, "mine"]);
  });

  it("leaves no link to what nothing names when it fails", () => {
    twoVersions(rig);
    rig.ok("config", "cache.type", "symlink");
    rig.ok("checkout", "-q", "--relink");
    for (const name of ["model.pkl", "data/a"]) {
      rmSync(rig.path(name));
      rig.write(name, "mine");
    }
    writeHook(rig, "pre-commit", "exit 1");
    expect(rig.run(["snapshot", "save"]).code).toBe(255);
    const isLink = (name: string): boolean => lstatSync(rig.path(name)).isSymbolicLink();
    expect(["model.pkl", "data/a", "data/b"].map(isLink)).toEqual([false, false, true]);
    rig.ok("gc", "-q", "-w", "-f");
    expect([rig.read("model.pkl"), rig.read("data/a")]).toEqual(["mine", "mine"]);
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "is as if it had not begun after %s, when Git had made the commit",
    async (signal) => {
      twoVersions(rig);
      rig.write("data/d", "d1");
      rig.write("train.py", "3\n");
      const before = gitState(rig);
      writeHook(rig, "post-commit", `touch '${rig.path("../sign")}'; exec sleep 30`);
      expect(await endOnce("../sign", signal, ["snapshot", "save", "--tag", "v3.0"])).toBe(
        signal === "SIGINT" ? "252" : signal,
      );
      expect(gitState(rig)).toEqual(before);
      expect(readdirSync(rig.path(".git")).filter((name) => name.includes("index"))).toEqual(["index"]);
      rmSync(rig.path(".git/hooks/post-commit"));
      rig.ok("snapshot", "save", "--tag", "v3.0");
    },
  );

  it("keeps commit and tag when they arrived before it was interrupted", async () => {
    twoVersions(rig);
    rig.write("data/d", "d1");
    writeHook(rig, "post-receive", `touch '${rig.path("../sign")}'; exec sleep 30`, "../origin.git");
    await endOnce("../sign", "SIGINT", ["snapshot", "save", "--tag", "v3.0", "--push"]);
    const [head, tag] = [rig.git("rev-parse", "HEAD").trim(), rig.git("rev-parse", "v3.0").trim()];
    const there = rig.git("ls-remote", "origin");
    expect(there).toContain(`${head}\trefs/heads/main`);
    expect(there).toContain(`${tag}\trefs/tags/v3.0`);
    expect(rig.git("status", "--porcelain")).toBe("");
  });

  it("does not wait for what a hook leaves running", () => {
    twoVersions(rig);
    rig.write("train.py", "3\n");
    writeHook(rig, "post-commit", "sleep 60 &");
    const start = Date.now();
    rig.ok("snapshot", "save");
    expect(Date.now() - start).toBeLessThan(30_000);
  });

  it("saves pointer files outside of a sparse checkout", () => {
    twoVersions(rig);
    rig.write("code/a.py", "1\n");
    rig.git("add", "code");
    rig.git("commit", "-q", "-m", "code");
    rig.git("sparse-checkout", "set", ".dvc");
    rig.write("more/x.bin", "x");
    rig.ok("add", "-q", "more/x.bin");
    rig.ok("snapshot", "save", "--tag", "v3.0");
    expect(rig.git("ls-tree", "-r", "--name-only", "v3.0").split("\n")).toEqual(
      expect.arrayContaining(["code/a.py", "more/.gitignore", "more/x.bin.dvc"]),
    );
    expect(rig.git("status", "--porcelain")).toBe("");
  });
});

describe("snapshot restore", () => {
  /** A file that tag `then` has, and that Git knows no more. */
  function formerly(name: string, ignored: boolean): void {
    twoVersions(rig);
    rig.write(name, "then");
    rig.git("add", name);
    rig.git("commit", "-q", "-m", "then");
    rig.git("tag", "then");
    rig.git("rm", "-q", name);
    rig.write("train.py", "9\n");
    if (ignored) rig.write(".gitignore", `${rig.read(".gitignore") ?? ""}/${name}\n`);
    rig.git("commit", "-q", "-a", "-m", "now");
  }

  it.each([false, true])("never replaces a file that Git does not know (ignored: %s)", (ignored) => {
    formerly("local.env", ignored);
    rig.write("local.env", "mine");
    // What is as in the snapshot already makes Git's checkout a forced one.
    for (const train of ["9\n", "2\n"]) {
      rig.write("train.py", train);
      for (const words of [["then"], ["then", "local.env"], ["then", "."]]) {
        const ran = rig.run(["snapshot", "restore", ...words]);
        expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("local.env")]);
      }
      expect([rig.read("local.env"), rig.git("branch", "--show-current")]).toEqual(["mine", "main\n"]);
    }
    rig.write("local.env", "then");
    rig.ok("snapshot", "restore", "then");
    expect(rig.git("status", "--porcelain")).toBe("");
  });

  it("never replaces a folder, or goes through a file, that Git does not know", () => {
    formerly("place/x", true);
    rig.write("place", "mine");
    expect(rig.run(["snapshot", "restore", "then"]).err).toContain("place");
    expect(rig.read("place")).toBe("mine");
    rmSync(rig.path("place"));
    rig.write("place/x/deep", "mine");
    expect(rig.run(["snapshot", "restore", "then"]).err).toContain("place/x/deep");
    expect(rig.read("place/x/deep")).toBe("mine");
  });

  it("replaces data that took the place of code, when the cache has it", () => {
    twoVersions(rig);
    rig.write("big", "in Git");
    rig.git("add", "big");
    rig.git("commit", "-q", "-m", "big");
    rig.git("tag", "code");
    rig.git("rm", "-q", "--cached", "big");
    rig.write("big", "data");
    rig.ok("add", "-q", "big");
    rig.ok("snapshot", "save", "--tag", "data");
    rig.ok("snapshot", "restore", "code");
    expect(rig.read("big")).toBe("in Git");
    rig.ok("snapshot", "restore", "main");
    expect(rig.read("big")).toBe("data");
    rig.write("big", "edited");
    expect(rig.run(["snapshot", "restore", "code"]).err).toContain("big");
    expect(rig.read("big")).toBe("edited");
  });

  it("brings back what was deleted, and goes on where Git was stopped between removing and writing", () => {
    twoVersions(rig);
    rmSync(rig.path("train.py"));
    rig.ok("snapshot", "restore", "v1.0");
    expect(rig.read("train.py")).toBe("1\n");
    rmSync(rig.path("train.py"));
    rig.ok("snapshot", "restore", "v1.0", "train.py");
    expect(rig.git("status", "--porcelain")).toBe("");
    rig.git("rm", "-q", "train.py");
    expect(rig.run(["snapshot", "restore", "v2.0"]).err).toContain("train.py");
  });

  it("takes a folder without the project's settings, and goes back from parts that it brought", () => {
    twoVersions(rig);
    for (const name of ["v1.0", "main"]) {
      rig.ok("snapshot", "restore", name, "--data-only");
      rig.ok("snapshot", "restore", name, "train.py");
    }
    expect(rig.git("status", "--porcelain")).toBe("");
    rig.ok("snapshot", "restore", "v1.0", ".");
    expect([rig.read("train.py"), rig.read("model.pkl"), rig.git("branch", "--show-current")]).toEqual([
      "1\n",
      "model 1",
      "main\n",
    ]);
    rig.write("train.py", "mine");
    expect(rig.run(["snapshot", "restore", "main", "."]).err).toContain("train.py");
  });

  it("leaves what is in submodules, and goes back and forth over their commits", () => {
    twoVersions(rig);
    rig.git("init", "-q", "../library");
    rig.git("-C", "../library", "commit", "-q", "--allow-empty", "-m", "x");
    rig.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library", "module");
    rig.ok("snapshot", "save", "--tag", "one");
    rig.git("-C", "module", "commit", "-q", "--allow-empty", "-m", "y");
    rig.ok("snapshot", "save", "--tag", "two");
    rig.write("module/new", "mine");
    for (const name of ["one", "main", "one", "two"]) rig.ok("snapshot", "restore", name);
    expect(rig.read("module/new")).toBe("mine");
  });

  it("goes back and forth between data that DVC 2 recorded and what was made of it since", () => {
    const md5 = createHash("md5").update("a\nb\n").digest("hex");
    rig.write(`.dvc/cache/${md5.slice(0, 2)}/${md5.slice(2)}`, "a\r\nb\r\n");
    rig.write("old.txt", "a\r\nb\r\n");
    rig.write("old.txt.dvc", `outs:\n- md5: ${md5}\n  size: 6\n  path: old.txt\n`);
    rig.write(".gitignore", "/old.txt\n");
    rig.git("add", "-A");
    rig.ok("snapshot", "save", "--tag", "one");
    rig.write("old.txt", "new\r\n");
    rig.ok("snapshot", "save", "--tag", "two");
    expect(rig.read("old.txt.dvc")).toContain("hash: md5");
    for (const [tag, text] of [
      ["one", "a\r\nb\r\n"],
      ["two", "new\r\n"],
      ["one", "a\r\nb\r\n"],
    ] as const) {
      rig.ok("snapshot", "restore", tag);
      expect([rig.read("old.txt"), rig.run(["status", "-q"]).code]).toEqual([text, 0]);
    }
  });

  it("takes a text with other line ends than the cache of DVC 2 has for unsaved", () => {
    const md5 = createHash("md5").update("a\nb\n").digest("hex");
    rig.write(`.dvc/cache/${md5.slice(0, 2)}/${md5.slice(2)}`, "a\nb\n");
    rig.write("text", "new");
    rig.ok("add", "-q", "text");
    rig.write("text", "a\r\nb\r\n");
    expect(rig.run(["checkout"], { input: "n\n" }).code).not.toBe(0);
    expect(rig.read("text")).toBe("a\r\nb\r\n");
    rig.write("text", "a\nb\n");
    rig.ok("checkout");
    expect(rig.read("text")).toBe("new");
  });

  it("leaves out what no remote gets, in another clone, and says so", () => {
    twoVersions(rig);
    rig.write("dvc.yaml", "stages:\n  t:\n    cmd: echo 1 > mine.bin\n    outs: [mine.bin: {push: false}]\n");
    rig.ok("repro", "-q");
    rig.ok("snapshot", "save", "--tag", "mine", "--push");
    rig.git("clone", "-q", "-b", "main", "../origin.git", "../clone");
    const there = (...words: string[]): { code: number; out: string; err: string } =>
      rig.run(words, { cwd: "../clone" });
    const verified = there("snapshot", "verify", "mine", "-r");
    expect(verified).toMatchObject({ code: 0, out: expect.stringContaining("(push: false): mine.bin\n") });
    const restored = there("snapshot", "restore", "mine");
    expect(restored).toMatchObject({ code: 0, err: expect.stringContaining("the cache lacks it: mine.bin\n") });
    expect([rig.read("../clone/model.pkl"), rig.read("../clone/data/a")]).toEqual(["model 2", "a1"]);
    expect(there("repro", "-q").code).toBe(0);
    expect(there("status", "-q").code).toBe(0);
  });

  it("brings paths back as Git checks them out: line ends and filters", () => {
    rig.write(".gitattributes", "*.enc filter=rot\n*.txt eol=crlf\n");
    for (const way of ["clean", "smudge"]) rig.git("config", `filter.rot.${way}`, "tr a-z n-za-m");
    rig.write("x.enc", "hello");
    rig.write("x.txt", "a\r\nb\r\n");
    rig.git("add", ".");
    rig.git("commit", "-q", "-m", "1");
    rig.git("tag", "one");
    rig.write("x.enc", "world");
    rig.write("x.txt", "c\r\n");
    rig.git("commit", "-q", "-a", "-m", "2");
    rig.ok("snapshot", "restore", "one", "x.enc", "x.txt");
    expect([rig.read("x.enc"), rig.read("x.txt")]).toEqual(["hello", "a\r\nb\r\n"]);
    rig.ok("snapshot", "restore", "one");
    expect([rig.read("x.enc"), rig.git("status", "--porcelain")]).toEqual(["hello", ""]);
  });
});

describe("tags and commits of others", () => {
  it("of which one can't be read are listed all the same", () => {
    twoVersions(rig);
    const pointer = rig.read("data.dvc") ?? "";
    rig.write("data.dvc", "outs:\n- md5: [\n");
    rig.git("commit", "-q", "-a", "-m", "broken");
    rig.git("tag", "broken");
    rig.write("data.dvc", pointer);
    rig.git("commit", "-q", "-a", "-m", "mended");
    expect(json("snapshot", "list")).toMatchObject([
      { message: "mended", local: { complete: true } },
      {
        tags: ["broken"],
        local: { complete: false },
        problem: expect.stringContaining("'./data.dvc' is invalid") as string,
      },
      { tags: ["v2.0"], local: { complete: true } },
      { tags: ["v1.0"] },
    ]);
    expect(rig.ok("snapshot", "list")).toContain("can't be read: './data.dvc' is invalid");
  });

  it("count when a tag is one of a tag: in lists, for gc, in archives", () => {
    twoVersions(rig);
    rig.git("-c", "advice.nestedTag=false", "tag", "-a", "-m", "again", "renamed", "v1.0");
    rig.git("tag", "-d", "v1.0");
    // Made in one second or in two: their order tells nothing.
    const listed = json("snapshot", "list") as { tags: string[]; message: string }[];
    expect(listed.map(({ tags }) => tags[0]).sort()).toEqual(["renamed", "v2.0"]);
    expect(listed.find(({ tags }) => tags[0] === "renamed")?.message).toBe("again");
    expect(json("gc", "-w", "-T", "-f", "--dry")).toMatchObject({ cache: { objects: 0 } });
    rig.ok("snapshot", "export", "renamed", "../one.tar");
    rig.ok("snapshot", "import", "../one.tar", "../back");
    expect(rig.git("-C", "../back", "tag")).toBe("renamed\n");
  });

  it("are counted one after the other as each by itself", () => {
    twoVersions(rig);
    rig.write("same/x", "a1");
    rig.write("model.pkl", "a1");
    rig.ok("add", "-q", "same");
    rig.ok("snapshot", "save", "--tag", "v3.0");
    const lost = (json("snapshot", "show", "v2.0") as { outputs: { hash: string }[] }).outputs[0]?.hash ?? "";
    rmSync(rig.path(`.dvc/cache/files/md5/${lost.slice(0, 2)}/${lost.slice(2)}`));
    rig.ok("remove", "-q", "data.dvc");
    rig.ok("snapshot", "save", "--tag", "v4.0");
    const presence = (one: unknown): unknown => {
      const { local, remotes } = one as Record<string, unknown>;
      return { local, remotes };
    };
    const listed = json("snapshot", "list", "-r") as { tags: string[] }[];
    expect(listed.map(({ tags }) => tags)).toEqual([["v4.0"], ["v3.0"], ["v2.0"], ["v1.0"]]);
    expect(listed.map(presence)).toEqual(
      listed.map(({ tags: [tag = ""] }) => presence(json("snapshot", "show", tag, "-r"))),
    );
    expect(listed.map(presence)).toMatchObject([
      { local: { objects: 2, present: 2, complete: true } },
      { local: { objects: 3, present: 2, complete: false } },
      { local: { objects: 2, present: 1, complete: false } },
      { local: { objects: 4, present: 4, complete: true } },
    ]);
  });

  it("of which Git LFS keeps files elsewhere are exported with a warning", () => {
    rig.write("a.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n");
    rig.git("add", "a.bin");
    rig.git("commit", "-q", "-m", "lfs");
    expect(rig.run(["snapshot", "export", "main", "../lfs.tar"]).err).toContain("only its pointers: a.bin");
  });

  it("are not judged in a repository that Git does not look at", () => {
    twoVersions(rig);
    // Git's own switch for its tests: it takes the repository for another user's.
    const env = { GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" };
    for (const words of [["list"], ["save"], ["restore", "v1.0"], ["verify", "v1.0"], ["export", "v1.0", "../x.tar"]]) {
      const ran = rig.run(["snapshot", ...words], { env });
      expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("git config --global --add safe.directory")]);
    }
  });

  it("are read whatever the user's settings of Git's log", () => {
    twoVersions(rig);
    for (const [name, value] of Object.entries({
      "log.showSignature": "true",
      "color.ui": "always",
      "diff.noprefix": "true",
      "i18n.logOutputEncoding": "latin1",
      "status.branch": "true",
    }))
      rig.git("config", name, value);
    rig.write("grüße.txt", "ü");
    rig.git("add", ".");
    rig.ok("snapshot", "save", "-m", "grüße", "--tag", "ü");
    expect(json("snapshot", "show", "ü")).toMatchObject({ tags: ["ü"], message: "grüße" });
    expect(json("snapshot", "diff", "v2.0", "ü")).toMatchObject({ code: [{ path: "grüße.txt", change: "added" }] });
  });
});

describe("a damaged object of Git's", () => {
  /** A tag whose `train.py` Git can read no more, or that has other bytes than its name says. */
  function damage(how: "garbage" | "other bytes"): void {
    twoVersions(rig);
    rig.git("checkout", "-q", "v1.0");
    rig.write("more.py", "more");
    rig.git("add", "more.py");
    rig.git("commit", "-q", "-m", "more");
    rig.git("tag", "v1.1");
    rig.git("checkout", "-q", "main");
    const at = (id: string): string => rig.path(`.git/objects/${id.slice(0, 2)}/${id.slice(2)}`);
    rig.write("other", "other");
    const other = rig.git("hash-object", "-w", "other").trim();
    rmSync(rig.path("other"));
    const place = at(rig.git("rev-parse", "v1.0:train.py").trim());
    rmSync(place);
    if (how === "garbage") rig.write(relative(rig.dir, place), "garbage");
    else copyFileSync(at(other), place);
  }

  it.each(["garbage", "other bytes"] as const)("is found by verify, and neither exported nor restored (%s)", (how) => {
    damage(how);
    const verified = rig.run(["snapshot", "verify", "v1.0", "--deep", "--json"]);
    expect(verified.code).toBe(1);
    expect(JSON.parse(verified.out)).toMatchObject({ ok: false, problems: [{ store: "git", problem: "code" }] });
    const before = gitState(rig);
    expect(rig.run(["snapshot", "export", "v1.0", "../one.tar"]).err).toContain("'train.py'");
    expect(existsSync(rig.path("../one.tar"))).toBe(false);
    const part = rig.run(["snapshot", "restore", "v1.0", "train.py"]);
    expect([part.code, part.err]).toEqual([255, expect.stringContaining("missing or damaged")]);
    expect([gitState(rig), rig.read("train.py")]).toEqual([before, "2\n"]);
  });

  it("stops Git half-way: code is as it was", () => {
    damage("garbage");
    // As in v1.1, but one's own.
    rig.write("more.py", "more");
    const before = gitState(rig);
    const ran = rig.run(["snapshot", "restore", "v1.1"]);
    expect(rig.read("more.py")).toBe("more");
    expect([ran.code, ran.err]).toEqual([255, expect.stringContaining("Neither code nor data was changed")]);
    expect([gitState(rig), rig.read("train.py"), rig.read("model.pkl")]).toEqual([before, "2\n", "model 2"]);
  });
});

describe("snapshot import", () => {
  it("uses its own cache, whatever the configs of the archive and of the user say", () => {
    twoVersions(rig);
    rig.ok("snapshot", "export", "v1.0", "../plain.tar");
    rig.ok("cache", "dir", rig.path("../far"));
    rig.ok("add", "-q", "data", "model.pkl");
    rig.ok("snapshot", "save", "--tag", "far");
    rig.ok("snapshot", "export", "far", "../far.tar");
    rmSync(rig.path("../far"), { recursive: true });
    const expectWhole = (dir: string): void => {
      for (const words of [["status"], ["snapshot", "verify", "--deep"], ["checkout"]])
        expect(rig.run(words, { cwd: dir })).toMatchObject({ code: 0, err: "" });
      expect(rig.git("-C", dir, "status", "--porcelain")).toBe("");
    };
    rig.ok("snapshot", "import", "../far.tar", "../one");
    expectWhole("../one");
    rig.ok("snapshot", "import", "../plain.tar", "../two");
    expect(existsSync(rig.path("../two/.dvc/config.local"))).toBe(false);
    rig.ok("config", "--global", "cache.dir", rig.path("../mine"));
    rig.ok("snapshot", "import", "../plain.tar", "../three");
    expectWhole("../three");
  });

  it("brings back what was saved of files with odd names", () => {
    const code = ["trail ", " lead ", '"q"', "cr\r", "new\nline", "tab\t", "a\\b"];
    for (const name of code) rig.write(name, name);
    rig.git("add", "-A");
    const data = ["a:b", "c@d", "x.dvc:y"];
    for (const name of data) rig.write(name, name);
    for (const name of data) rig.ok("add", "-q", name);
    rig.ok("snapshot", "save", "--tag", "one");
    for (const name of data) rig.write(name, `${name} 2`);
    rig.ok("snapshot", "save", "--tag", "two");
    rig.ok("snapshot", "export", "two", "../two.tar.gz");
    rig.ok("snapshot", "import", "../two.tar.gz", "../two");
    expect(code.map((name) => rig.read(`../two/${name}`))).toEqual(code);
    expect(data.map((name) => rig.read(`../two/${name}`))).toEqual(data.map((name) => `${name} 2`));
    expect(rig.git("-C", "../two", "status", "--porcelain")).toBe("");
  });

  it("fills an empty folder that somebody is in, and leaves it empty when the archive is damaged", () => {
    twoVersions(rig);
    rig.ok("snapshot", "export", "v1.0", "../one.tar");
    mkdirSync(rig.path("../place"));
    const before = lstatSync(rig.path("../place")).ino;
    rig.write("../half.tar", (rig.read("../one.tar") ?? "").slice(0, 3000));
    expect(rig.run(["snapshot", "import", "../half.tar", "."], { cwd: "../place" }).code).toBe(255);
    expect(readdirSync(rig.path("../place"))).toEqual([]);
    // What a killed run left is no content.
    rig.write("../place/.import.999999999-abc.hftmp/x", "");
    expect(rig.run(["snapshot", "import", "../one.tar", "."], { cwd: "../place" }).code).toBe(0);
    expect(lstatSync(rig.path("../place")).ino).toBe(before);
    expect(readdirSync(rig.path("../place")).filter((name) => name.endsWith(".hftmp"))).toEqual([]);
    expect(rig.git("-C", "../place", "status", "--porcelain")).toBe("");
    expect(rig.read("../place/data/a")).toBe("a1");
    expect(rig.run(["snapshot", "import", "../one.tar", "."], { cwd: "../place" }).err).toContain("no empty folder");
  });
});
