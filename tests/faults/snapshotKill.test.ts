import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { killRounds, objectsIn, ownEnvironment, runAndKill } from "../support/killing.ts";
import { BINARY } from "../support/rig.ts";

/** Rounds; more by `HOLDFAST_KILLS`. */
const { rounds: ROUNDS, timeout: TIMEOUT } = killRounds(5);

let folder: string;
let root: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "snapshot-kill-")));
  root = join(folder, "project");
  mkdirSync(root);
  env = {
    ...ownEnvironment(folder),
    GIT_AUTHOR_NAME: "T",
    GIT_AUTHOR_EMAIL: "t@example.org",
    GIT_COMMITTER_NAME: "T",
    GIT_COMMITTER_EMAIL: "t@example.org",
  };
  git("init", "-q", "-b", "main");
  git("init", "-q", "--bare", "../origin.git");
  git("remote", "add", "origin", "../origin.git");
  run("init", "-q");
  run("remote", "add", "-q", "-d", "store", join(folder, "store"));
  write(0);
  run("add", "-q", "data");
  git("add", "train.py");
  run("snapshot", "save", "--tag", "v0", "--push");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function git(...args: string[]): string {
  return execFileSync("git", args, { cwd: root, env, encoding: "utf8" });
}

function run(...args: string[]): string {
  return execFileSync(process.execPath, [BINARY, ...args], { cwd: root, env, encoding: "utf8" });
}

function write(version: number): void {
  mkdirSync(join(root, "data"), { recursive: true });
  for (let nth = 0; nth < 200; nth++)
    writeFileSync(join(root, "data", String(nth)), `${String(version)} ${String(nth)}`);
  writeFileSync(join(root, "train.py"), `print(${String(version)})\n`);
}

/** A child of Git that outlived us ends by itself. */
async function gitIsDone(): Promise<void> {
  const isBusy = (): boolean => existsSync(join(root, ".git", "index.lock")) || isAnyoneIn(root);
  for (let turn = 0; turn < 200 && isBusy(); turn++) await sleep(50);
  if (process.platform !== "linux") await sleep(200);
}

/** Whether a process works in a folder. */
function isAnyoneIn(path: string): boolean {
  if (process.platform !== "linux") return false;
  return readdirSync("/proc").some((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(path);
    } catch {
      return false;
    }
  });
}

it(
  "snapshot save, killed at any moment, loses nothing, and the same command finishes",
  { timeout: TIMEOUT },
  async () => {
    let killed = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      write(round);
      const words = ["snapshot", "save", "--tag", `v${String(round)}`, "--push"];
      if (await runAndKill(words, { cwd: root, env }, 60 + ((round - 0.5) / ROUNDS) * 700)) killed++;
      await gitIsDone();
      objectsIn(join(root, ".dvc", "cache"));
      objectsIn(join(folder, "store"));
      expect(readFileSync(join(root, "data", "7"), "utf8")).toBe(`${String(round)} 7`);
      run(...words);
      expect(git("status", "--porcelain")).toBe("");
      expect(git("ls-remote", "origin")).toContain(`refs/tags/v${String(round)}`);
      expect(git("rev-parse", `v${String(round)}^{commit}`, "HEAD").split("\n")[0]).toBe(
        git("rev-parse", "HEAD").trim(),
      );
      run("snapshot", "verify", `v${String(round)}`, "--remote", "--deep");
    }
    expect(killed).toBeGreaterThan(0);
  },
);

it(
  "snapshot restore, killed at any moment, loses nothing, and the same command finishes",
  { timeout: TIMEOUT },
  async () => {
    write(1);
    run("snapshot", "save", "--tag", "v1", "--push");
    let killed = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      const version = String(round % 2);
      const words = ["snapshot", "restore", `v${version}`];
      if (await runAndKill(words, { cwd: root, env }, 60 + ((round - 0.5) / ROUNDS) * 500)) killed++;
      await gitIsDone();
      objectsIn(join(root, ".dvc", "cache"));
      run(...words);
      expect(readFileSync(join(root, "data", "7"), "utf8")).toBe(`${version} 7`);
      expect(readFileSync(join(root, "train.py"), "utf8")).toBe(`print(${version})\n`);
      expect(git("status", "--porcelain")).toBe("");
    }
    expect(killed).toBeGreaterThan(0);
    appendFileSync(join(root, "train.py"), "mine");
    expect(() => run("snapshot", "restore", "v0")).toThrow("saved nowhere");
  },
);
