import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Environment } from "../base/platform.ts";
import { cloneCommit } from "./clone.ts";
import { withStoreLock } from "./cloneStore.ts";

let folder: string;
let source: string;
let environment: Environment;
let opened = 0;

const git = (...args: string[]): string =>
  execFileSync("git", ["-c", "user.name=T", "-c", "user.email=t@example.org", ...args], {
    cwd: source,
    env: environment.env,
    encoding: "utf8",
  }).trim();

function commit(message: string, files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(source, name)), { recursive: true });
    writeFileSync(join(source, name), text);
  }
  git("add", "-A");
  git("commit", "-q", "-m", message);
  return git("rev-parse", "HEAD");
}

const open = (rev?: string, url = source): ReturnType<typeof cloneCommit> =>
  cloneCommit(environment, url, join(folder, `work${String(opened++)}`), rev === undefined ? {} : { rev });

/** Bytes of all objects of the one copy that is kept. */
function kept(): { store: string; bytes: number } {
  const root = join(folder, "site", "clones");
  const [name = ""] = readdirSync(root).filter((one) => one.endsWith(".git"));
  const out = execFileSync("du", ["-sb", join(root, name, "objects")], { encoding: "utf8" });
  return { store: join(root, name), bytes: Number.parseInt(out, 10) };
}

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "hf-clone-")));
  source = join(folder, "source");
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    DVC_SITE_CACHE_DIR: join(folder, "site"),
    GIT_CONFIG_NOSYSTEM: "1",
  };
  mkdirSync(source);
  environment = { cwd: folder, env, home: folder, programName: "dvc", pid: process.pid };
  git("init", "-q", "-b", "main");
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("cloneCommit", () => {
  it("follows the source, and knows branches, tags, hashes and steps back", () => {
    const first = commit("one", { f: "one" });
    git("tag", "-a", "v1", "-m", "first");
    expect(open().commit).toBe(first);
    const second = commit("two", { f: "two" });
    git("branch", "side", first);
    expect(open().commit).toBe(second);
    for (const rev of ["v1", "side", "origin/side", first, first.slice(0, 9), "HEAD~1", "main^"]) {
      const { git: copy, commit: found } = open(rev);
      expect([rev, found]).toEqual([rev, first]);
      expect(copy.read(found, "f")?.toString()).toBe("one");
    }
    expect(() => open("nope")).toThrow("unknown Git revision 'nope'");
    expect(() => open("0".repeat(40))).toThrow(`unknown Git revision '${"0".repeat(40)}'`);
  });

  it("fetches only the contents that are read, from a folder, a bare repository and file://", () => {
    const big = Array.from({ length: 60_000 }, (_, i) => String(Math.sin(i))).join("");
    const at = commit("one", {
      "big.bin": big,
      "small.txt": "small",
      ".dvc/config": "[core]\n",
      "sub/.dvc/config": "x",
    });
    const bare = join(folder, "bare.git");
    git("clone", "-q", "--bare", source, bare);
    for (const url of [source, bare, `file://${bare}`]) {
      rmSync(join(folder, "site"), { recursive: true, force: true });
      const { git: copy } = open("main", url);
      expect(readFileSync(join(copy.root, "sub/.dvc/config"), "utf8")).toBe("x");
      expect(existsSync(join(copy.root, "small.txt"))).toBe(false);
      expect(copy.read(at, "small.txt")?.toString()).toBe("small");
      expect(kept().bytes).toBeLessThan(100_000);
      expect(copy.read(at, "big.bin")?.toString()).toBe(big);
      expect(kept().bytes).toBeGreaterThan(100_000);
    }
  });

  it("needs the source no more for a hash that it has", () => {
    const at = commit("one", { f: "one" });
    open(at).git.read(at, "f");
    rmSync(source, { recursive: true });
    mkdirSync(source);
    expect(open(at).git.read(at, "f")?.toString()).toBe("one");
    expect(() => open("main")).toThrow("SCM error");
  });

  it("starts anew when a copy was not finished, and takes over the lock of a process that has ended", () => {
    const at = commit("one", { f: "one" });
    open();
    const { store } = kept();
    rmSync(join(store, "holdfast-copy"));
    rmSync(join(store, "HEAD"));
    const dead = execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).trim();
    writeFileSync(`${store}.lock`, dead);
    expect(open().commit).toBe(at);
    expect(existsSync(`${store}.lock`)).toBe(false);
    expect(withStoreLock(store, () => existsSync(`${store}.lock`))).toBe(true);
  });

  it("keeps no copy of a URL with a password in it", () => {
    const url = "https://user:secret-token@127.0.0.1:1/x.git";
    expect(() => open(undefined, url)).toThrow("SCM error");
    expect(existsSync(join(folder, "site", "clones"))).toBe(false);
  });

  it("fails in DVC's words and does not take options or helpers for URLs", () => {
    const missing = join(folder, "nope");
    let cause: unknown;
    try {
      open(undefined, missing);
    } catch (error) {
      cause = (error as Error).cause;
    }
    expect(String(cause)).toContain(`Failed to clone repo '${missing}' to '`);
    expect(String((cause as Error).cause)).toContain(`No git repository was found at ${missing}`);
    expect(() => open(undefined, "--upload-pack=touch x")).toThrow("bad Git URL");
    expect(() => open(undefined, "ext::sh -c touch% x")).toThrow("bad Git URL");
  });

  it("leaves out links and what only looks like a config", () => {
    commit("one", { ".dvcignore": "x\n", "d/f": "1" });
    execFileSync("ln", ["-s", "/etc", join(source, "d/.dvc")]);
    const at = commit("two", { f: "2" });
    const { git: copy } = open(at);
    expect(readdirSync(copy.root).sort()).toEqual([".dvcignore", ".git"]);
  });
});
