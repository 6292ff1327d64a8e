import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refuses, withstands } from "../support/hostile.ts";
import { Rig } from "../support/rig.ts";

let rig: Rig;
let outside: string;

beforeEach(() => {
  rig = new Rig().project();
  outside = join(dirname(rig.dir), "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "precious"), "precious");
});

afterEach(() => {
  rig.close();
});

/** Puts bytes into the cache as an attacker would: the name fits, whatever they say. */
function store(text: string, suffix = ""): string {
  const md5 = createHash("md5").update(text).digest("hex");
  const path = `.dvc/cache/files/md5/${md5.slice(0, 2)}/${md5.slice(2)}${suffix}`;
  rig.write(path, text);
  chmodSync(rig.path(path), 0o444);
  return md5 + suffix;
}

const track = (oid: string, path: string): void => {
  rig.write("x.dvc", `outs:\n- md5: ${oid}\n  hash: md5\n  path: ${path}\n`);
};

const untouched = (): void => {
  expect(readFileSync(join(outside, "precious"), "utf8")).toBe("precious");
};

describe("a hostile manifest", () => {
  const bad = [
    ..."../x|a/../../x|/tmp/x|.git/hooks/x|.GIT/x|.git./x|git~1/x|.git::$INDEX_ALLOCATION/x|.g\u200cit/x".split("|"),
    ..."\u200c.git/x|.DVC/config|sub/.git|a\0b|a//b|./a|..|a/|\ud800".split("|"),
  ];
  it("leaves nothing behind and is named", () => {
    const file = store("evil");
    for (const relpath of bad) {
      track(store(JSON.stringify([{ md5: file, relpath }]), ".dir"), "data");
      const ran = rig.run(["checkout", "-f"]);
      expect([relpath, ran.code]).toEqual([relpath, 255]);
      expect(ran.err).toContain("unsafe path");
      expect(existsSync(rig.path("data"))).toBe(false);
    }
    for (const relpaths of [
      ["a", "a"],
      ["a", "a-b", "a/b"],
    ]) {
      track(store(JSON.stringify(relpaths.map((relpath) => ({ md5: file, relpath }))), ".dir"), "data");
      expect(rig.run(["checkout"]).code).toBe(255);
      expect(existsSync(rig.path("data"))).toBe(false);
    }
    untouched();
  });
});

describe("a hostile .dvc file", () => {
  it("cannot make checkout, commit or remove touch anything outside", () => {
    const file = store("evil");
    symlinkSync(outside, rig.path("leave"));
    symlinkSync(".git", rig.path("intogit"));
    const paths = ["../outside/precious", join(outside, "precious"), "leave/precious", "leave/new", ".git/hooks/x"];
    for (const path of [...paths, ".Git/x", "intogit/hooks/x", ".dvc/config", ".", '"a\\0b"']) {
      track(file, path);
      for (const words of [
        ["checkout", "-f"],
        ["commit", "-f"],
        ["remove", "--outs", "x.dvc"],
      ])
        expect([path, rig.run(words).code]).not.toEqual([path, 0]);
    }
    untouched();
    expect(existsSync(join(outside, "new"))).toBe(false);
    expect(existsSync(rig.path(".git/hooks/x"))).toBe(false);
  });

  it("names its objects by hashes only, and keeps within bounds", () => {
    for (const md5 of ["../../x", "abc", "4034a346ccee15292d823416f7510a2f.dir.dir"]) {
      track(md5, "data");
      expect(rig.run(["checkout"]).err).toContain("is not a valid md5");
    }
    const bomb = "bcdefghijk".split("").map((name, i) => {
      const before = `*${"abcdefghij".charAt(i)}`;
      return `  ${name}: &${name} [${new Array(9).fill(before).join(",")}]\n`;
    });
    rig.write("x.dvc", `outs:\n- path: data\nmeta:\n  a: &a [x,x,x,x,x,x,x,x,x]\n${bomb.join("")}`);
    expect(rig.run(["checkout"]).err).toContain("too many values");
    rig.write("x.dvc", `meta: ${"[".repeat(100_000)}`);
    const deep = rig.run(["checkout"]);
    expect(deep.code).toBe(255);
    expect(deep.err.length).toBeLessThan(8000);
  });
});

describe("links and pipes where files are written", () => {
  it.each([".gitignore", "a.dvc", ".dvc/tmp/lock"])("%s is not followed out of the project", (name) => {
    rig.write("a", "data");
    mkdirSync(dirname(rig.path(name)), { recursive: true });
    if (lstatSync(rig.path(name), { throwIfNoEntry: false }) !== undefined) execFileSync("rm", [rig.path(name)]);
    writeFileSync(join(outside, "precious"), name === "a.dvc" ? "outs: []\n" : "precious");
    symlinkSync(join(outside, "precious"), rig.path(name));
    expect(rig.run(["add", "a"]).code).toBe(1);
    expect(readFileSync(join(outside, "precious"), "utf8")).toBe(name === "a.dvc" ? "outs: []\n" : "precious");
    expect(rig.read("a")).toBe("data");
  });

  it("a pipe as .gitignore does not block", () => {
    rig.write("a", "data");
    execFileSync("mkfifo", [rig.path(".gitignore")]);
    const ran = rig.run(["add", "a"]);
    expect(ran.err).toContain("is not a file");
  });

  it("what a remote has in place of an object is neither waited for nor read without end", () => {
    const remote = join(dirname(rig.dir), "remote");
    const md5 = createHash("md5").update("data").digest("hex");
    const object = join(remote, "files", "md5", md5.slice(0, 2), md5.slice(2));
    mkdirSync(dirname(object), { recursive: true });
    rig.run(["remote", "add", "-d", "r", remote]);
    track(md5, "data");
    const makers = [() => execFileSync("mkfifo", [object]), () => symlinkSync("/dev/zero", object)];
    for (const make of makers) {
      make();
      for (const words of [["fetch"], ["pull"]]) refuses(rig, words, "no file");
      expect(withstands(rig, ["fsck", "--remote", "r"], "no file").code).toBe(1);
      execFileSync("rm", [object]);
    }
    const run = join(remote, "runs", "ab", "ab".repeat(32), "cd".repeat(32));
    mkdirSync(dirname(run), { recursive: true });
    execFileSync("mkfifo", [run]);
    refuses(rig, ["fetch", "--run-cache"], "no run");
  });

  it("pipes and devices among metrics, parameters and plots are named and not read", () => {
    execFileSync("mkfifo", [rig.path("m.json")]);
    symlinkSync("/dev/zero", rig.path("p.yaml"));
    rig.write("dvc.yaml", "metrics: [m.json]\nparams: [p.yaml]\nplots: [m.json]\n");
    for (const words of [
      ["metrics", "show"],
      ["params", "diff"],
      ["plots", "show", "--json"],
    ]) {
      const { err } = withstands(rig, words, "no file");
      expect(err).toMatch(/m\.json|p\.yaml|failed to load/);
    }
  });

  it("links that lead to each other are named", () => {
    rig.write("a", "data");
    symlinkSync(".gitignore", rig.path(".gitignore"));
    refuses(rig, ["add", "a"], "a loop");
  });

  it("a linked object does not change the mode of what it leads to", () => {
    const md5 = createHash("md5").update("precious").digest("hex");
    mkdirSync(rig.path(`.dvc/cache/files/md5/${md5.slice(0, 2)}`), { recursive: true });
    chmodSync(join(outside, "precious"), 0o600);
    symlinkSync(join(outside, "precious"), rig.path(`.dvc/cache/files/md5/${md5.slice(0, 2)}/${md5.slice(2)}`));
    track(md5, "data");
    rig.run(["checkout"]);
    expect(statSync(join(outside, "precious")).mode & 0o777).toBe(0o600);
  });

  it("move does not carry data out of the project or into .git", () => {
    rig.write("a", "data");
    rig.ok("add", "-q", "a");
    for (const to of ["../escaped", ".git/x"]) expect(rig.run(["move", "a", to]).code).toBe(1);
    expect(rig.read("a")).toBe("data");
    expect(existsSync(join(dirname(rig.dir), "escaped"))).toBe(false);
  });
});

describe("secrets and programs", () => {
  const remote = (level: string[], option: string, value: string): string =>
    rig.ok("config", ...level, `remote.r.${option}`, value);

  it("a secret of the user goes only where the user's own config says", () => {
    remote(["--global"], "url", "s3://mine/x");
    remote(["--global"], "secret_access_key", "TOPSECRET");
    remote(["--project"], "url", "s3://theirs/x");
    rig.ok("config", "core.remote", "r");
    rig.write("a", "data");
    rig.ok("add", "-q", "a");
    const ran = rig.run(["push", "-v"]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("a secret of your own");
    expect(ran.out + ran.err + rig.ok("config", "-l") + rig.ok("config", "-l", "--json")).not.toContain("TOPSECRET");
  });

  it("passwords in URLs are masked, and nothing that a project or URL names is run", () => {
    rig.ok("remote", "add", "-d", "w", "s3://me:PASSWORD@host/x");
    expect(rig.ok("remote", "list") + rig.ok("config", "-l")).not.toContain("PASSWORD");
    expect(rig.run(["list", "https://me:PASSWORD@127.0.0.1:1/x"]).err).not.toContain("PASSWORD");
    for (const url of ["ext::sh -c touch% pwned", "fd::17", "--upload-pack=touch pwned"])
      expect(rig.run(["list", url]).err).toContain("bad Git URL");
    rig.write("aws", "[profile p]\ncredential_process = touch pwned\n");
    rig.write(
      ".dvc/config",
      "[core]\n    remote = r\n['remote \"r\"']\n    url = s3://b/x\n    configpath = ../aws\n    profile = p\n",
    );
    rig.write("a", "data");
    rig.ok("add", "-q", "a");
    expect(rig.run(["push"]).err).toContain("lies inside the repository");
    rig.git("config", "core.fsmonitor", "touch pwned");
    for (const words of [["status"], ["data", "status"], ["diff"], ["add", "a"]]) rig.run(words);
    expect(existsSync(rig.path("pwned"))).toBe(false);
  });
});
