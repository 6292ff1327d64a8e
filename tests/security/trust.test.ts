import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Ran, Rig } from "../support/rig.ts";

let rig: Rig;

beforeEach(() => {
  rig = new Rig().project();
  rig.write("data", "some data");
  rig.ok("add", "-q", "data");
});

afterEach(() => {
  rig.close();
});

/** A stranger's commit: nothing of it was typed here. */
function commitConfig(text: string): void {
  rig.write(".dvc/config", text);
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "config");
}

const TRUST_FILE = "../config/global/holdfast-trust.json";
const isRefused = ({ code, err }: Ran): boolean => code === 1 && err.includes("holdfast trust");

it("a credential file that the committed config names is used only by who trusts the project, until the config changes", () => {
  const keys = rig.path("../keys");
  writeFileSync(keys, "[default]\naws_access_key_id = a\naws_secret_access_key = b\n");
  // Nobody listens there: whoever gets so far has read the file.
  const remote = `['remote "s"']\n    url = s3://bucket\n    endpointurl = http://127.0.0.1:9\n    credentialpath = ${keys}\n[core]\n    remote = s\n`;
  commitConfig(remote);
  const push = (...words: string[]): Ran => rig.run([...words, "push"]);
  expect(isRefused(push())).toBe(true);
  expect(push().err).toContain(`remote.s.credentialpath = ${keys}`);
  expect(existsSync(rig.path(TRUST_FILE))).toBe(false);
  expect(isRefused(push("--trust"))).toBe(false);
  expect(isRefused(rig.run(["push", "--trust"]))).toBe(false);
  expect(isRefused(rig.run(["push"], { env: { HOLDFAST_TRUST: "1" } }))).toBe(false);
  expect(isRefused(push())).toBe(true);
  expect(rig.ok("trust", "--show")).toContain("not trusted");
  expect(rig.ok("trust")).toContain("credential file: remote.s.credentialpath");
  expect(statSync(rig.path(TRUST_FILE)).mode & 0o777).toBe(0o600);
  expect(isRefused(push())).toBe(false);
  commitConfig(remote.replace("127.0.0.1:9", "127.0.0.1:10"));
  expect(isRefused(push())).toBe(true);
  rig.ok("trust");
  rig.ok("trust", "--revoke");
  expect(isRefused(push())).toBe(true);
});

it("what the user has typed is the user's own, also when it is committed", () => {
  const keys = rig.path("../keys");
  writeFileSync(keys, "[default]\naws_access_key_id = a\naws_secret_access_key = b\n");
  rig.ok("remote", "add", "-q", "-d", "s", "s3://bucket");
  rig.ok("remote", "modify", "s", "endpointurl", "http://127.0.0.1:9");
  rig.ok("remote", "modify", "s", "credentialpath", keys);
  expect(isRefused(rig.run(["push"]))).toBe(false);
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "config");
  expect(isRefused(rig.run(["push"]))).toBe(false);
  // A clone is another place, and its owner may be another person.
  rig.git("clone", "-q", ".", "../clone");
  expect(isRefused(rig.run(["push"], { cwd: "../clone" }))).toBe(true);
  // Changing something there trusts nothing that was there before.
  const config = rig.run(["config", "core.autostage", "true"], { cwd: "../clone" });
  expect(config.code).toBe(0);
  expect(isRefused(rig.run(["push"], { cwd: "../clone" }))).toBe(true);
});

it("a cache outside of the project must be one already, or be trusted", () => {
  const outside = rig.path("../outside");
  commitConfig(`[cache]\n    dir = ${outside}\n`);
  rig.write("data", "changed");
  const ran = rig.run(["add", "data"]);
  expect([ran.code, existsSync(outside)]).toEqual([1, false]);
  expect(ran.err).toContain("holdfast trust");
  mkdirSync(outside);
  writeFileSync(`${outside}/private`, "");
  expect(rig.run(["add", "data"]).code).toBe(1);
  mkdirSync(`${outside}/files/md5`, { recursive: true });
  expect(rig.run(["add", "data"]).code).toBe(0);
  expect(existsSync(`${outside}/files/md5/8a`)).toBe(false);
  rmSync(`${outside}/files`, { recursive: true });
  expect(rig.run(["--trust", "add", "data"]).code).toBe(0);
  expect(existsSync(`${outside}/files/md5`)).toBe(true);
});

it("a committed config puts no cache into Git's own folder, here or elsewhere", () => {
  rig.git("init", "-q", rig.path("../other"));
  mkdirSync(rig.path("../other/.git/objects/ab"), { recursive: true });
  mkdirSync(rig.path("../fd/fd"), { recursive: true });
  for (const dir of ["../.git", "../.git/hooks", "tmp/../../.GIT/x", "../../other/.git/objects", "../../fd"]) {
    commitConfig(`[cache]\n    dir = ${dir}\n`);
    rig.write("data", `changed for ${dir}`);
    const ran = rig.run(["add", "data"]);
    expect([dir, ran.code, ran.err]).toEqual([dir, 1, expect.stringContaining("holdfast trust")]);
    expect(existsSync(rig.path(`.dvc/${dir}/files`))).toBe(false);
  }
});

it("a cache of one's own choice may be new and committed", () => {
  rig.ok("cache", "dir", "../shared");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "shared cache");
  rig.write("data", "changed");
  rig.ok("add", "-q", "data");
  expect(existsSync(rig.path("../shared/files/md5"))).toBe(true);
});

it("committed links do not lead our files elsewhere", () => {
  for (const name of ["tmp/trash", "tmp/journal", "cache", "tmp"]) {
    const outside = rig.path(`../outside-${name.replace("/", "-")}`);
    mkdirSync(outside);
    rmSync(rig.path(`.dvc/${name}`), { recursive: true, force: true });
    symlinkSync(outside, rig.path(`.dvc/${name}`));
    rig.git("add", "-f", `.dvc/${name}`);
    rig.write("data", `changed ${name}`);
    const ran = rig.run(["add", "data"]);
    expect(ran.code).not.toBe(0);
    expect(ran.err).toContain("is a link that was committed");
    rig.git("rm", "-q", "--cached", `.dvc/${name}`);
    rig.ok("add", "-q", "data");
  }
});

it("trust in the project goes no further: the sources of its imports are strangers", () => {
  const source = new Rig().project();
  source.write("model", "weights");
  source.ok("add", "-q", "model");
  const keys = rig.path("../keys");
  writeFileSync(keys, "[default]\naws_access_key_id = a\naws_secret_access_key = b\n");
  source.write(
    ".dvc/config",
    `['remote "s"']\n    url = s3://bucket\n    endpointurl = http://127.0.0.1:9\n    credentialpath = ${keys}\n[core]\n    remote = s\n`,
  );
  source.git("add", ".");
  source.git("commit", "-q", "-m", "model");
  const ran = rig.run(["--trust", "get", `file://${source.dir}`, "model"]);
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("credentialpath");
  source.close();
});

it("a damaged list of trusted projects trusts nobody, and is made anew", () => {
  const outside = rig.path("../outside");
  commitConfig(`[cache]\n    dir = ${outside}\n`);
  rig.write("data", "changed");
  for (const text of ["", "[]", '{"projects": [1]}', `{"projects": {"${rig.dir}": {"digest": 7}}}`]) {
    mkdirSync(rig.path("../config/global"), { recursive: true });
    writeFileSync(rig.path(TRUST_FILE), text);
    expect(rig.run(["add", "data"]).code).toBe(1);
  }
  rig.ok("trust");
  expect(readFileSync(rig.path(TRUST_FILE), "utf8")).toContain(rig.dir);
  rig.ok("add", "-q", "data");
});

it("a credential file that a committed .dvc file names (fs_config) is used only by who trusts the project", () => {
  const keys = rig.path("../keys");
  writeFileSync(keys, "[default]\naws_access_key_id = a\naws_secret_access_key = b\n");
  const dvc = `deps:\n- path: s3://bucket/x\n  fs_config:\n    credentialpath: ${keys}\n    endpointurl: http://127.0.0.1:9\nouts:\n- path: x\n  hash: md5\nfrozen: true\n`;
  rig.write("x.dvc", dvc);
  // Not in Git yet: it is the user's own.
  expect(rig.run(["update", "x.dvc"]).err).not.toContain("holdfast trust");
  rig.git("add", ".");
  rig.git("commit", "-q", "-m", "import");
  for (const words of [["update", "x.dvc"], ["pull"], ["fetch", "x.dvc"]]) {
    const ran = rig.run(words);
    expect([words, ran.err]).toEqual([words, expect.stringContaining("'x.dvc' names a credential file")]);
    expect(ran.err).toContain("credentialpath");
  }
  expect(rig.run(["update", "x.dvc"]).code).not.toBe(0);
  expect(rig.run(["update", "x.dvc"], { env: { HOLDFAST_TRUST: "1" } }).err).not.toContain("credential file");
  rig.ok("trust");
  expect(rig.run(["update", "x.dvc"]).err).not.toContain("credential file");
  // What the user types is the user's own.
  const typed = [
    "import-url",
    "s3://bucket/y",
    "--fs-config",
    `credentialpath=${keys}`,
    "--fs-config",
    "endpointurl=http://127.0.0.1:9",
  ];
  rig.ok("trust", "--revoke");
  expect(rig.run(typed).err).not.toContain("credential file");
});

it("a SAS token of the environment is sent to no Azure account that only the committed config names", () => {
  const env = { AZURE_STORAGE_SAS_TOKEN: "sv=1&sig=precious" };
  const fails = (words: readonly string[], more: Record<string, string> = {}, cwd = "."): Ran =>
    rig.run(words, { env: { ...env, HTTPS_PROXY: "nowhere://x", ...more }, cwd });
  commitConfig(`['remote "s"']\n    url = azure://box\n    account_name = evil\n[core]\n    remote = s\n`);
  const ran = fails(["push"]);
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("'evil', which would be sent your SAS token");
  expect(ran.err).not.toContain("precious");
  // There is no such proxy: whoever gets so far would have sent it.
  const isLet = ({ err }: Ran): boolean => err.includes("'https_proxy' names no HTTP proxy");
  expect(isLet(fails(["push"], { AZURE_STORAGE_ACCOUNT: "evil" }))).toBe(true);
  expect(isLet(fails(["--trust", "push"]))).toBe(true);
  rig.ok("remote", "modify", "--local", "s", "account_name", "mine");
  expect(isLet(fails(["push"]))).toBe(true);
  // What the user types is the user's own, also when it is committed.
  const own = new Rig().project();
  own.ok("remote", "add", "-q", "-d", "s", "azure://box");
  own.ok("remote", "modify", "s", "account_name", "mine");
  own.write("data", "some data");
  own.ok("add", "-q", "data");
  own.git("add", ".");
  own.git("commit", "-q", "-m", "config");
  expect(isLet(own.run(["push"], { env: { ...env, HTTPS_PROXY: "nowhere://x" } }))).toBe(true);
  own.close();
});
