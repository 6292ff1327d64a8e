/** What DVC 3.67.1 does in corners that its own tests look into, checked by running it. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesUnder } from "../support/killing.ts";
import { BINARY, Rig } from "../support/rig.ts";

let rig: Rig;

beforeEach(() => {
  rig = new Rig().project();
});

afterEach(() => {
  rig.close();
});

const objects = (): string[] =>
  filesUnder(rig.path(".dvc/cache/files/md5"))
    .map((path) => path.split("/").slice(-2).join(""))
    .sort();

describe("add", () => {
  it("knows no such URL", () => {
    const ran = rig.run(["add", "unsupported://unsupported"]);
    expect(ran).toMatchObject({ code: 1, err: "ERROR: config file error: Unsupported URL type unsupported://\n" });
  });

  it("and checkout leave links to folders where they are", () => {
    rig.write("real/1", "1");
    rig.write("d/2", "2");
    symlinkSync("../real/1", rig.path("d/file"));
    symlinkSync("../real", rig.path("d/folder"));
    // The link to a file becomes a file of its own, for which the folder is built anew.
    rig.ok("add", "-q", "d");
    expect(readlinkSync(rig.path("d/folder"))).toBe("../real");
    rig.write("d/2", "edited");
    rig.ok("checkout", "-q", "-f", "d");
    expect(rig.read("d/2")).toBe("2");
    expect(readlinkSync(rig.path("d/folder"))).toBe("../real");
  });

  it("makes links of the second type where the file system has no clones", () => {
    rig.ok("config", "cache.type", "reflink,hardlink");
    rig.write("one", "1");
    rig.write("probe", "1");
    const clones = spawnSync("cp", ["--reflink=always", rig.path("probe"), rig.path("probe2")]).status === 0;
    rig.ok("add", "-q", "one");
    const { nlink, mode } = statSync(rig.path("one"));
    expect([nlink, mode & 0o777]).toEqual(clones ? [1, 0o644] : [2, 0o444]);
  });

  it("knows that nothing lies below a tracked file", () => {
    rig.write("foo", "foo");
    rig.ok("add", "-q", "foo");
    for (const path of ["foo/bar", "foo/bar/baz"]) {
      const ran = rig.run(["add", path]);
      expect(ran).toMatchObject({ code: 1, err: "ERROR: Cannot modify 'foo' which is being tracked as a file\n" });
    }
  });

  it("names all that track one path", () => {
    rig.write("foo", "foo");
    rig.ok("add", "-q", "foo");
    rig.write("dvc.yaml", "stages:\n  echo-foo:\n    cmd: echo foo > foo\n    outs: [foo]\n");
    const ran = rig.run(["add", "foo"]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("output 'foo' is specified in:\n\t- foo.dvc\n\t- echo-foo\nUse `dvc remove`");
  });

  it.runIf(process.platform === "linux")("says of a name that is no UTF-8 what to do", () => {
    writeFileSync(Buffer.concat([Buffer.from(rig.path("name")), Buffer.from([0xff])]), "x");
    const script = `exec "$0" "$1" add "$(printf 'name\\377')"`;
    const ran = spawnSync("sh", ["-c", script, process.execPath, BINARY], {
      cwd: rig.dir,
      env: rig.env,
      encoding: "utf8",
    });
    expect([ran.status, ran.stderr]).toEqual([
      1,
      expect.stringContaining("not valid UTF-8 can't be tracked: rename it"),
    ]);
  });

  it("-o wants the folder to be there", () => {
    rig.write("../elsewhere", "x");
    const ran = rig.run(["add", "../elsewhere", "-o", "no/such/x"]);
    expect(ran).toMatchObject({ code: 1, err: `ERROR: stage working dir '${rig.path("no/such")}' does not exist\n` });
  });

  it("-o and --to-remote take what lies on a storage", () => {
    rig.write("../store/d/file", "from the storage");
    rig.ok("remote", "add", "-q", "-d", "st", rig.path("../store"));
    rig.ok("add", "-q", "remote://st/d", "-o", "here");
    expect(rig.read("here/file")).toBe("from the storage");
    writeFileSync(rig.path("../store/d/file"), "changed");
    rmSync(rig.path("here"), { recursive: true });
    rig.ok("checkout", "-q");
    expect(rig.read("here/file")).toBe("from the storage");
    const before = objects();
    rig.ok("add", "-q", "remote://st/d/file", "--to-remote");
    expect([objects(), rig.read("file")]).toEqual([before, undefined]);
    rig.ok("pull", "-q", "file");
    expect(rig.read("file")).toBe("changed");
  });
});

describe("a folder with hashes of DVC 2", () => {
  it("is recorded as a whole or not at all: its files are in the cache of DVC 2 only", () => {
    rig.write("d/a", "a\n");
    rig.write(".dvc/cache/60/b725f10c9c85c70d97880dfe8191b3", "a\n");
    const manifest = '[{"md5": "60b725f10c9c85c70d97880dfe8191b3", "relpath": "a"}]';
    const oid = createHash("md5").update(manifest).digest("hex");
    rig.write(`.dvc/cache/${oid.slice(0, 2)}/${oid.slice(2)}.dir`, manifest);
    const pointer = `outs:\n- md5: ${oid}.dir\n  size: 2\n  nfiles: 1\n  path: d\n`;
    rig.write("d.dvc", pointer);
    rig.ok("status", "-q");
    rig.write("d/new", "new\n");
    for (const words of [
      ["add", "d/new"],
      ["commit", "-f", "d/new"],
    ]) {
      const ran = rig.run(words);
      expect(ran.code).toBe(1);
      expect(ran.err).toContain("Cannot record a part of 'd': its files have hashes of DVC 2\n");
      expect(ran.err).toContain("holdfast add d\n");
      expect(rig.read("d.dvc")).toBe(pointer);
    }
    rig.ok("add", "-q", "d");
    expect(rig.ok("status")).toBe("Data and pipelines are up to date.\n");
    expect(objects()).toHaveLength(3);
  });
});

describe("install", () => {
  it("names the shell that the PATH leads to first", () => {
    rig.write("../tools/sh", "#!/bin/sh\n");
    chmodSync(rig.path("../tools/sh"), 0o755);
    rig.write("../other/sh", "not a program");
    const env = { PATH: `../tools:${rig.path("../other")}:${rig.path("../tools")}:${process.env["PATH"] ?? ""}` };
    expect(rig.run(["install"], { env }).code).toBe(0);
    expect(rig.read(".git/hooks/pre-push")).toBe(`#!${rig.path("../tools/sh")}\nexec holdfast git-hook pre-push $@\n`);
  });
});

describe("commit", () => {
  it("-f drops the checksum of a file of data, which has none", () => {
    rig.write("file", "file content");
    rig.ok("add", "-q", "--no-commit", "file");
    rig.write("file.dvc", `md5: 1111111111\n${rig.read("file.dvc") ?? ""}`);
    expect(rig.run(["commit", "file.dvc"]).code).toBe(1);
    rig.ok("commit", "-q", "-f", "file.dvc");
    expect(rig.read("file.dvc")).not.toContain("1111111111");
  });

  it("of a part stores that part and the manifest, also when nothing was stored before", () => {
    for (const name of ["foo", "bar", "subdir/subfoo", "subdir/subbar"])
      rig.write(`data/${name}`, name.split("/").at(-1) ?? "");
    rig.ok("add", "-q", "--no-commit", "data");
    expect(objects()).toEqual([]);
    rig.ok("commit", "-q", "data/foo");
    const first = ["1aca2c799df82929bbdd976557975546.dir", "acbd18db4cc2f85cedef654fccc4a4d8"];
    expect(objects()).toEqual(first);
    rig.ok("commit", "-q", "data/subdir");
    expect(objects()).toEqual(
      [...first, "4ce8d2a2cf314a52fa7f315ca37ca445", "68dde2c3c4e7953c2290f176bbdc9a54"].sort(),
    );
  });
});

describe("imports", () => {
  it("keep what a person noted in the file that they replace", () => {
    rig.write("foo", "foo");
    rig.write(
      "bar.dvc",
      "# top comment\ndesc: top desc\ndeps:\n- path: foo # dep comment\nouts:\n- path: bar # out comment\n  desc: out desc\n  labels:\n  - label1\nmeta: some metadata\n",
    );
    rig.ok("import-url", "-q", "foo", "bar");
    expect(rig.read("bar.dvc")).toBe(
      "# top comment\ndesc: top desc\ndeps:\n- path: foo # dep comment\n  md5: acbd18db4cc2f85cedef654fccc4a4d8\n  size: 3\n  hash: md5\nouts:\n- path: bar # out comment\n  desc: out desc\n  labels:\n  - label1\n  md5: acbd18db4cc2f85cedef654fccc4a4d8\n  size: 3\n  hash: md5\nmeta: some metadata\nmd5: " +
        (/^md5: (\w+)$/m.exec(rig.read("bar.dvc") ?? "")?.[1] ?? "") +
        "\nfrozen: true\n",
    );
  });

  it("that were not downloaded are missing when their source is gone or holds something else", () => {
    rig.write("../source", "file content");
    rig.ok("import-url", "-q", "--no-download", "../source", "file");
    for (const change of [() => rmSync(rig.path("../source")), () => rig.write("../source", "updated")]) {
      change();
      const ran = rig.run(["pull", "file"]);
      expect(ran.code).toBe(1);
      expect(ran.err).toContain("Checkout failed for following targets:\nfile\n");
      expect(rig.read("file")).toBeUndefined();
    }
    rig.write("../source", "file content");
    rig.ok("pull", "-q", "file");
    expect(rig.read("file")).toBe("file content");
  });

  it("that were brought are noted, and of too many notes the newest stay", () => {
    rig.write("../source/file", "first");
    rig.ok("import-url", "-q", "--no-download", "../source", "folder");
    rig.ok("pull", "-q");
    const [notes = ""] = filesUnder(rig.path("..")).filter((path) => path.endsWith("/imports"));
    const [first] = readFileSync(notes, "utf8").split("\n");
    appendFileSync(notes, `${"0".repeat(32)} ${"1".repeat(32)}\n${first ?? ""}\n`.repeat(65_000));
    rig.write("../source/file", "second");
    rig.ok("update", "-q", "--no-download", "folder.dvc");
    rig.ok("pull", "-q");
    expect(rig.read("folder/file")).toBe("second");
    const lines = readFileSync(notes, "utf8").trimEnd().split("\n");
    expect(lines.length).toBe(3);
    expect(lines[1]).toBe(first);
    rmSync(rig.path("../source"), { recursive: true });
    rmSync(rig.path("folder"), { recursive: true });
    rig.ok("gc", "-w", "-f");
    rig.ok("checkout", "-q");
    expect(rig.read("folder/file")).toBe("second");
  });

  it("update --no-download takes the data out of the workspace, and loses none of it", () => {
    rig.write("../source", "first");
    rig.ok("import-url", "-q", "../source", "file");
    rig.write("../source", "second");
    rmSync(rig.path("file"));
    rig.write("file", "edited here");
    rig.ok("update", "-q", "--no-download", "file.dvc");
    expect(rig.read("file")).toBeUndefined();
    expect(objects()).toContain("f46b59cd6e9f2d0d7c76a2d04f25e1e7");
  });
});

describe("revisions", () => {
  it("may be told by a word of their message", () => {
    rig.write("a", "a");
    rig.ok("add", "-q", "a");
    rig.git("add", ".");
    rig.git("commit", "-q", "-m", "first thing");
    expect(JSON.parse(rig.ok("diff", "--json", ":/init", ":/first"))).toMatchObject({ added: [{ path: "a" }] });
  });

  it("are named where a file of theirs is broken", () => {
    rig.write("dvc.yaml", "stages:\n  s:\n    cmd: {}\n");
    rig.git("add", ".");
    rig.git("commit", "-q", "-m", "broken");
    const sha = rig.git("rev-parse", "HEAD").slice(0, 7);
    mkdirSync(rig.path("sub"));
    const ran = rig.run(["list", `file://${rig.dir}`, "--rev", "HEAD"]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(`'./dvc.yaml' validation failed in revision '${sha}'.`);
  });
});

describe("a remote that the source does not know", () => {
  it("is refused by list, get and import, and nothing is written", () => {
    rig.write("data", "1");
    rig.ok("add", "-q", "data");
    rig.git("add", ".");
    rig.git("commit", "-q", "-m", "data");
    const text = "config file error: remote 'nope' doesn't exist\n";
    for (const words of [
      ["list", "."],
      ["get", ".", "data", "-o", "got"],
      ["import", ".", "data", "-o", "got"],
    ]) {
      const ran = rig.run([...words, "--remote", "nope"]);
      expect(ran.code).toBe(1);
      expect(ran.err).toContain(text);
    }
    expect(existsSync(rig.path("got"))).toBe(false);
    expect(existsSync(rig.path("got.dvc"))).toBe(false);
  });
});

describe("list in a sub-folder", () => {
  beforeEach(() => {
    rig.write("src/a.py", "1");
    rig.write("top", "1");
    rig.git("add", ".");
    rig.git("commit", "-q", "-m", "files");
  });
  const listed = (...args: string[]): string[] =>
    rig
      .run(["list", ...args], { cwd: "src" })
      .out.split("\n")
      .filter((line) => !line.includes("dvcignore") && line !== "");

  it("names files as they are reached from there", () => {
    expect(listed(".")).toEqual(["../src", "../top"]);
    expect(listed(".", "-R")).toEqual(["../top", "a.py"]);
    expect(listed(".", "../src")).toEqual(["a.py"]);
    expect(listed(".", "-L", "0")).toEqual(["../src", "../top"]);
  });

  it("enters no link to a folder", () => {
    symlinkSync("src", rig.path("link"));
    const found = JSON.parse(rig.ok("list", ".", "-R", "--json")) as { path: string; isdir: boolean }[];
    expect(found.filter(({ path }) => path.startsWith("link"))).toMatchObject([{ path: "link", isdir: false }]);
  });

  it("counts from the root in a revision", () => {
    expect(listed(".", "--rev", "HEAD")).toEqual(["src", "top"]);
    expect(listed(".", "-R", "--rev", "HEAD")).toEqual(["src/a.py", "top"]);
    expect(listed(".", "src", "--rev", "HEAD")).toEqual(["a.py"]);
    rig.write("data", "1");
    rig.ok("add", "-q", "data");
    rig.git("add", ".");
    rig.git("commit", "-q", "-m", "data");
    expect(listed(".", ".", "--dvc-only", "--rev", "HEAD")).toEqual(["data"]);
  });
});

describe("the merge driver", () => {
  const merge = (our: string, their: string): string => {
    rig.write("ancestor", "");
    rig.write("our", our);
    rig.write("their", their);
    const ran = rig.run(["git-hook", "merge-driver", "--ancestor", "ancestor", "--our", "our", "--their", "their"]);
    expect(ran.code).not.toBe(0);
    expect(rig.read("our")).toBe(our);
    return ran.err;
  };
  const out = (md5: string, more = ""): string => `- md5: ${md5}\n  hash: md5\n  path: path\n${more}`;

  it("says why it does not merge", () => {
    const folder = `outs:\n${out("f123456789.dir")}`;
    expect(merge(folder, `outs:\n${out("f987654321.dir", "  cache: false\n")}`)).toContain(
      "unable to auto-merge outputs with different options",
    );
    expect(merge(folder, `outs:\n${out("f987654321")}`)).toContain(
      "unable to auto-merge outputs that are not directories",
    );
    expect(merge(`${folder}${out("ff123456789.dir").replace("path\n", "another\n")}`, folder)).toContain(
      "unable to auto-merge DVC files that weren't created by `dvc add`",
    );
  });
});
