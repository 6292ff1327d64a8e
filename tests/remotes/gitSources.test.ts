/** Git repositories of all kinds as sources of import, get and list. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { aside } from "../../packages/core/src/api/placeGot.ts";
import { type FaultyLine, startFaultyLine } from "../support/faultyLine.ts";
import { type GitHttp, startGitHttp } from "../support/gitHttp.ts";
import { Rig } from "../support/rig.ts";
import { type SshServer, startSshServer } from "../support/sshServer.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Bytes of a file of the source that nobody asks for; they don't compress. */
const BIG = 3 << 20;
/** What a source may send when nothing of that file is wanted. */
const LITTLE = 200_000;

let folder: string;
let ssh: SshServer;
let http: GitHttp;
let line: FaultyLine;
let there: Rig;
let rig: Rig;
/** The bare repository. */
let bare: string;

const git = (...args: string[]): string => execFileSync("git", ["-C", bare, ...args], { encoding: "utf8" });

function publish(message: string): void {
  there.git("add", "-A");
  there.git("commit", "-q", "-m", message);
  if (!existsSync(bare)) execFileSync("git", ["clone", "-q", "--bare", there.dir, bare]);
  else there.git("push", "-q", bare, "main");
  git("update-server-info");
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hf-sources-"));
  ssh = await startSshServer();
  http = await startGitHttp(folder);
});

afterAll(async () => {
  await ssh.stop();
  await http.stop();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  bare = join(folder, "source.git");
  there = new Rig().project();
  rig = new Rig().project();
  there.ok("remote", "add", "-q", "-d", "store", join(folder, "store"));
  there.write("data/a", "a1\n");
  there.write("data/sub/b", "b1\n");
  there.write("small.txt", "small\n");
  there.write("other.txt", "other\n");
  there.write("big.bin", randomBytes(BIG));
  there.ok("add", "-q", "data");
  there.ok("push", "-q");
  publish("one");
});

afterEach(() => {
  line?.stop();
  there.close();
  rig.close();
  for (const name of ["source.git", "store"]) rmSync(join(folder, name), { recursive: true, force: true });
});

/** One way to the source. */
interface Way {
  readonly url: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Not counted where nothing lies between. */
  readonly line?: FaultyLine;
}

async function overHttp(kind: "smart" | "dumb"): Promise<Way> {
  line = await startFaultyLine(http.port);
  return { url: `http://127.0.0.1:${String(line.port)}/${kind}/source.git`, line };
}

const sshCommand = (): string =>
  `ssh -i ${join(ssh.home, ".ssh", "id_ed25519")} -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oLogLevel=ERROR`;

async function overSsh(): Promise<Way> {
  line = await startFaultyLine(ssh.port);
  const url = `ssh://127.0.0.1:${String(line.port)}${bare}`;
  return { url, env: { GIT_SSH_COMMAND: sshCommand() }, line };
}

const WAYS: Readonly<Record<string, () => Promise<Way>>> = {
  "a bare repository": () => Promise.resolve({ url: bare }),
  "file:// of a bare repository": () => Promise.resolve({ url: `file://${bare}` }),
  HTTP: () => overHttp("smart"),
  "HTTP, of plain files": () => overHttp("dumb"),
  SSH: overSsh,
};

const FIRST_PROTOCOL = { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "protocol.version", GIT_CONFIG_VALUE_0: "0" };

/** Runs beside this process, which serves. */
async function ok(way: Way, ...words: string[]): Promise<string> {
  const ran = await rig.runBeside(words, way.env === undefined ? {} : { env: way.env });
  if (ran.code !== 0) throw new Error(`${words.join(" ")} exited with ${String(ran.code)}: ${ran.err}`);
  return ran.out;
}

describe.each(Object.keys(WAYS))("a source by %s", (name) => {
  it("gives what is tracked and what only Git has, and follows what comes", async () => {
    const way = await (WAYS[name] as () => Promise<Way>)();
    await ok(way, "import", "-q", way.url, "data");
    await ok(way, "get", "-q", way.url, "small.txt");
    expect([rig.read("data/a"), rig.read("data/sub/b"), rig.read("small.txt")]).toEqual(["a1\n", "b1\n", "small\n"]);
    const first = there.git("rev-parse", "HEAD").trim();
    expect(rig.read("data.dvc")).toContain(`    url: ${way.url}\n    rev_lock: ${first}\n`);
    there.write("data/a", "a2\n");
    there.ok("add", "-q", "data");
    there.ok("push", "-q");
    publish("two");
    await ok(way, "update", "-q", "data.dvc");
    await ok(way, "get", "-q", "--rev", "HEAD~1", way.url, "data/a", "-o", "old");
    expect([rig.read("data/a"), rig.read("old")]).toEqual(["a2\n", "a1\n"]);
    expect((await ok(way, "list", "-R", way.url)).trim().split("\n")).toContain("data/sub/b");
  });
});

describe.each(["HTTP", "SSH"])("over %s", (name) => {
  it("a file costs what it costs, and the next one no second clone", async () => {
    git("config", "uploadpack.allowFilter", "true");
    const way = await (WAYS[name] as () => Promise<Way>)();
    const received = (): number => line.passed.down;
    await ok(way, "import", way.url, "small.txt");
    expect(received()).toBeLessThan(LITTLE);
    await ok(way, "import", way.url, "data");
    await ok(way, "get", "-q", way.url, "other.txt");
    await ok(way, "list", way.url, "data");
    expect(received()).toBeLessThan(LITTLE);
    await ok(way, "get", "-q", way.url, "big.bin");
    expect(received()).toBeGreaterThan(BIG);
  });

  it.each([
    ["that hands out no parts", "false", {}],
    ["of Git's first protocol, which gives no single files", "true", FIRST_PROTOCOL],
  ] as const)("a server %s sends all of one commit, once", async (_text, allowFilter, env) => {
    git("config", "uploadpack.allowFilter", allowFilter);
    const usual = await (WAYS[name] as () => Promise<Way>)();
    const way = { ...usual, env: { ...usual.env, ...env } };
    await ok(way, "import", "-q", way.url, "small.txt");
    const first = line.passed.down;
    expect(first).toBeLessThan(BIG + LITTLE);
    for (const path of ["data", "big.bin"]) await ok(way, "get", "-q", way.url, path);
    expect(line.passed.down - first).toBeLessThan(LITTLE);
  });
});

it("the ssh program that the user has set for Git is used", async () => {
  const way = await overSsh();
  mkdirSync(rig.env["HOME"] ?? "", { recursive: true });
  writeFileSync(join(rig.env["HOME"] ?? "", ".gitconfig"), `[core]\n\tsshCommand = ${sshCommand()}\n`);
  await ok({ url: way.url }, "get", "-q", way.url, "small.txt");
  expect(rig.read("small.txt")).toBe("small\n");
});

it("what logs in over HTTP is Git's to find, is never shown, and a URL that carries it is not kept", async () => {
  line = await startFaultyLine(http.port);
  const host = `127.0.0.1:${String(line.port)}`;
  const url = `http://${host}/private/source.git`;
  const refused = await rig.runBeside(["get", url, "small.txt"]);
  expect(refused.code).not.toBe(0);
  expect(refused.err).toContain(`Failed to clone repo '${url}'`);
  mkdirSync(rig.env["HOME"] ?? "", { recursive: true });
  writeFileSync(join(rig.env["HOME"] ?? "", ".git-credentials"), `http://ann:secret@${host}\n`);
  writeFileSync(join(rig.env["HOME"] ?? "", ".gitconfig"), "[credential]\n\thelper = store\n");
  await ok({ url }, "get", "-q", url, "small.txt");
  expect(rig.read("small.txt")).toBe("small\n");
  const clones = join(rig.env["DVC_SITE_CACHE_DIR"] ?? "", "clones");
  const kept = readdirSync(clones);
  await ok({ url }, "get", "-q", `http://ann:secret@${host}/private/source.git`, "other.txt");
  expect(rig.read("other.txt")).toBe("other\n");
  expect(readdirSync(clones)).toEqual(kept);
  const wrong = await rig.runBeside([
    "get",
    "-v",
    `http://ann:wrong-word@${host}/private/source.git`,
    "other.txt",
    "-o",
    "x",
  ]);
  expect(wrong.code).not.toBe(0);
  expect(wrong.out + wrong.err).not.toContain("wrong-word");
});

it("data of DVC 2 and of DVC 3 whose hashes are alike keep their own bytes", () => {
  // Both are named by the md5 of "a\nb\n": that of DVC 2 without its carriage returns.
  there.write("both/new.txt", "a\nb\n");
  there.ok("add", "-q", "both/new.txt");
  const [, oid = ""] = /md5: ([0-9a-f]{32})/.exec(there.read("both/new.txt.dvc") ?? "") ?? [];
  there.write("both/old.txt.dvc", `outs:\n- md5: ${oid}\n  size: 6\n  path: old.txt\n`);
  there.write(`.dvc/cache/${oid.slice(0, 2)}/${oid.slice(2)}`, "a\r\nb\r\n");
  there.git("add", "-A");
  there.git("commit", "-q", "-m", "both");
  rig.ok("import", "-q", there.dir, "both");
  expect([rig.read("both/new.txt"), rig.read("both/old.txt")]).toEqual(["a\nb\n", "a\r\nb\r\n"]);
});

it("a pipe in the source is told, not waited for", () => {
  there.write("with/a", "a");
  execFileSync("mkfifo", [there.path("with/pipe")]);
  for (const verb of ["get", "import"]) {
    const ran = rig.run([verb, there.dir, "with", "-o", verb]);
    expect([ran.code, ran.err]).toEqual([expect.any(Number), expect.stringContaining("(a pipe, socket or device)")]);
    expect(ran.code).not.toBe(0);
  }
});

it("what others put into new folders meanwhile stays when get fails", async () => {
  const target = rig.path("new/deep/file");
  const failed = aside(target, () => {
    writeFileSync(rig.path("new/mine.txt"), "mine");
    return Promise.reject(new Error("cut"));
  });
  await expect(failed).rejects.toThrow("cut");
  expect(readdirSync(rig.path("new"))).toEqual(["mine.txt"]);
  await expect(aside(rig.path("other/deep/file"), () => Promise.reject(new Error("cut")))).rejects.toThrow("cut");
  expect(existsSync(rig.path("other"))).toBe(false);
});
