import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Ran, Rig } from "../support/rig.ts";

/** Ways by which the committed config of a stranger might count as if the user had typed it. */
let rig: Rig;
let keys: string;
beforeEach(() => {
  rig = new Rig().project();
  rig.write("data", "some data");
  rig.ok("add", "-q", "data");
  keys = rig.path("../keys");
  writeFileSync(keys, "[default]\naws_access_key_id = a\naws_secret_access_key = b\n");
});
afterEach(() => {
  rig.close();
});

/** Nobody listens there: whoever gets so far has read the file. */
const remote = (path: string, name = "s"): string =>
  `['remote "${name}"']\n    url = s3://bucket\n    endpointurl = http://127.0.0.1:9\n    credentialpath = ${path}\n`;

const isThere = (name: string): boolean => lstatSync(rig.path(name), { throwIfNoEntry: false }) !== undefined;

function commit(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) rig.write(name, text);
  rig.git("add", "-f", ".dvc/config", ...["other", ".dvc/config.local", ".gitattributes"].filter(isThere));
  rig.git("commit", "-q", "-m", "a stranger's");
}

/** As a clone gives them. */
function checkOutAnew(...files: readonly string[]): void {
  for (const file of files) rmSync(rig.path(file));
  rig.git("checkout", "--", ".");
}

function expectRefused({ code, err }: Ran): void {
  expect([code, err]).toEqual([1, expect.stringContaining("holdfast trust")]);
}

const push = (): Ran => rig.run(["push", "-r", "s"]);

it("a remote that takes its options over from another one", () => {
  commit({ ".dvc/config": `['remote "s"']\n    url = remote://base/x\n${remote(keys, "base")}` });
  expectRefused(push());
  expect(rig.run(["push", "-r", "s", "--trust"]).err).not.toContain("holdfast trust");
});

it("a config that says to do without Git", () => {
  commit({ ".dvc/config": `[core]\n    no_scm = true\n${remote(keys)}` });
  expectRefused(push());
});

it("a personal config that is committed, also to a project without Git, or behind a link", () => {
  commit({ ".dvc/config.local": remote(keys) });
  expectRefused(push());
  commit({ ".dvc/config": "[core]\n    no_scm = true\n" });
  expectRefused(push());
  rig.git("rm", "-q", "--cached", ".dvc/config.local");
  rmSync(rig.path(".dvc/config.local"));
  rig.write("other", remote(keys));
  symlinkSync("../other", rig.path(".dvc/config.local"));
  commit({ ".dvc/config": "" });
  expectRefused(push());
});

it("a config that is a link, or lies behind one", () => {
  rmSync(rig.path(".dvc/config"));
  symlinkSync("../other", rig.path(".dvc/config"));
  commit({ other: remote(keys) });
  rig.write("other", `${remote(keys)}# changed\n`);
  expectRefused(push());
});

it.each([
  ["keywords", ".dvc/config ident\n", (path: string) => path.replace("keys", "$Id$/../keys")],
  ["encoding", ".dvc/config working-tree-encoding=ISO-8859-1\n", (path: string) => path.replace("keys", "é/../keys")],
])("a file that checking out makes different from what is committed: %s", (_, attributes, spell) => {
  commit({ ".gitattributes": attributes, ".dvc/config": remote(spell(keys)) });
  checkOutAnew(".dvc/config");
  expectRefused(push());
  rig.write(".dvc/config", `${remote(spell(keys))}\n[core]\n    autostage = true\n`);
  rig.git("add", ".dvc/config");
  checkOutAnew(".dvc/config");
  expectRefused(push());
});

it("a branch whose files were brought into the index only", () => {
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "mine");
  rig.git("checkout", "-q", "-b", "theirs");
  commit({ ".dvc/config": remote(keys) });
  rig.git("checkout", "-q", "main");
  rig.git("checkout", "theirs", "--", ".dvc/config");
  expectRefused(push());
});

it("a cache outside of the project that a remote names, and one that is named without Git", () => {
  const outside = rig.path("../outside");
  for (const text of [
    `[cache]\n    local = there\n['remote "there"']\n    url = ${outside}\n`,
    `[core]\n    no_scm = true\n[cache]\n    dir = ${outside}\n`,
  ]) {
    commit({ ".dvc/config": text });
    rig.write("data", `changed ${String(text.length)}`);
    expectRefused(rig.run(["add", "data"]));
    expect(existsSync(outside)).toBe(false);
  }
  expect(rig.run(["--trust", "add", "data"]).code).toBe(0);
});

it("the sources of imports, and projects within them, have no say of their own", () => {
  const source = new Rig();
  source.git();
  mkdirSync(source.path("sub"));
  source.run(["init", "-q", "--subdir"], { cwd: "sub" });
  source.write("sub/model", "weights");
  source.run(["add", "-q", "model"], { cwd: "sub" });
  rmSync(source.path("sub/.dvc/cache"), { recursive: true });
  const level = (name: string, text: string): Ran => {
    source.write(`sub/.dvc/${name}`, text);
    source.git("add", "-f", `sub/.dvc/${name}`, "sub/.dvc/config", "sub/model.dvc");
    source.git("commit", "-q", "-m", "model");
    return rig.run(["--trust", "get", `file://${source.dir}`, "sub/model"]);
  };
  const set = `${remote(keys)}[core]\n    remote = s\n`;
  expect(level("config", set).err).toContain("credentialpath");
  expect(level("config", `${set}    no_scm = true\n`)).toMatchObject({
    code: 255,
    err: expect.not.stringContaining("127."),
  });
  source.write("sub/.dvc/config", "");
  expect(level("config.local", set).err).toContain("credentialpath");
  source.close();
});
