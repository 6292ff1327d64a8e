import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesUnder, killRounds, md5Of, objectsIn, ownEnvironment, runAndKill } from "../support/killing.ts";
import { BINARY } from "../support/rig.ts";

/** Rounds for each verb; more by `HOLDFAST_KILLS`. The seed is fixed (or `HOLDFAST_SEED`), the scheduler is not. */
const { rounds: ROUNDS, timeout: TIMEOUT } = killRounds(2);
const SEED = Number(process.env["HOLDFAST_SEED"] ?? "20261123");
const FILES = 300;

let folder: string;
let root: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "random-kill-")));
  root = join(folder, "project");
  mkdirSync(root);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: string[]): string {
  return execFileSync(process.execPath, [BINARY, ...args], {
    cwd: root,
    env: ownEnvironment(folder),
    encoding: "utf8",
  });
}

/** mulberry32: a small generator with a seed, in [0, 1). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function contents(): Map<string, string> {
  return new Map(
    filesUnder(join(root, "data"))
      .concat(filesUnder(join(root, "moved")))
      .filter((path) => existsSync(path) && !path.endsWith(".hftmp"))
      .map((path) => [path, md5Of(path)]),
  );
}

const text = (version: number, nth: number): string => `${String(version)} ${String(nth % 250)}\n`.repeat(20);

function writeVersion(version: number): string[] {
  const bytes: string[] = [];
  for (let nth = 0; nth < FILES; nth++) {
    const path = join(root, "data", `d${String(nth % 7)}`, `f${String(nth)}`);
    mkdirSync(join(path, ".."), { recursive: true });
    rmSync(path, { force: true });
    writeFileSync(path, text(version, nth));
    bytes.push(md5Of(path));
  }
  return bytes;
}

interface Verb {
  readonly args: readonly string[];
  readonly prepare: () => void;
  /** What must hold once the plain re-run has ended. */
  readonly reached: (all: readonly string[]) => void;
}

const inSync = (): void => {
  expect(run("status")).toContain("up to date");
};

const verbs: Record<string, Verb> = {
  add: { args: ["add", "-q", "data"], prepare: () => undefined, reached: inSync },
  commit: {
    args: ["commit", "-q", "-f"],
    prepare: () => {
      run("add", "-q", "--no-commit", "data");
    },
    reached: inSync,
  },
  checkout: {
    args: ["checkout", "-q", "-f"],
    prepare: () => {
      run("add", "-q", "data");
      rmSync(join(root, "data"), { recursive: true });
    },
    reached: inSync,
  },
  push: {
    args: ["push", "-q"],
    prepare: () => {
      run("add", "-q", "data");
    },
    reached: (all) => {
      const stored = objectsIn(join(folder, "remote"));
      for (const one of all) expect(stored).toContain(one);
    },
  },
  pull: {
    args: ["pull", "-q"],
    prepare: () => {
      run("add", "-q", "data");
      run("push", "-q");
      rmSync(join(root, ".dvc", "cache"), { recursive: true });
      rmSync(join(root, "data"), { recursive: true });
    },
    reached: inSync,
  },
  move: {
    args: ["move", "-q", "data", "moved"],
    prepare: () => {
      run("add", "-q", "data");
    },
    reached: () => {
      expect(existsSync(join(root, "moved.dvc"))).toBe(true);
      inSync();
    },
  },
};

describe.each(["copy", "hardlink", "symlink"])("killed at a random moment (%s)", (type) => {
  it.each(Object.keys(verbs))(
    "%s loses no byte, leaves no wrong object, and a plain second run finishes",
    { timeout: TIMEOUT },
    async (name) => {
      const verb = verbs[name] as Verb;
      const random = randomOf(SEED + name.length * 31 + type.length);
      let reach = 400;
      for (let round = 0; round < ROUNDS; round++) {
        rmSync(root, { recursive: true });
        mkdirSync(root);
        rmSync(join(folder, "remote"), { recursive: true, force: true });
        run("init", "-q", "--no-scm");
        run("config", "cache.type", type);
        run("remote", "add", "-q", "-d", "store", join(folder, "remote"));
        const all = writeVersion(round);
        verb.prepare();
        const killed = await runAndKill(verb.args, { cwd: root, env: ownEnvironment(folder) }, 40 + random() * reach);
        // Next time earlier: a run that had ended proves little.
        if (!killed) reach *= 0.7;
        const kept = new Set([
          ...contents().values(),
          ...objectsIn(join(root, ".dvc/cache")),
          ...objectsIn(join(folder, "remote")),
        ]);
        for (const one of all) expect(kept, `round ${String(round)}`).toContain(one);
        const isDone = name === "move" && existsSync(join(root, "moved.dvc")) && !existsSync(join(root, "data.dvc"));
        if (!isDone) run(...verb.args);
        verb.reached(all);
        objectsIn(join(root, ".dvc/cache"));
      }
    },
  );
});
