import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Rig } from "../support/rig.ts";
import { twoVersions } from "../support/snapshots.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  twoVersions(rig);
  rig.write("new.py", "print('only in the third version')\n".repeat(9));
  rig.write("train.py", "3\n".repeat(9));
  rig.write("model.pkl", "model 3");
  rig.write("data/d", "d");
  rig.git("add", "new.py");
  rig.ok("snapshot", "save", "--tag", "v3.0");
  rig.ok("snapshot", "restore", "v2.0");
});
afterEach(() => {
  rig.close();
});

/** Runs with a Git that, once it is to check something out, runs this instead. */
function withGit(script: string, words: readonly string[]): string {
  const real = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
  rig.write(
    "../fake/git",
    `#!/bin/sh\nfor word; do [ "$word" = checkout ] || continue\n${script}\ndone\nexec '${real}' "$@"\n`,
  );
  chmodSync(rig.path("../fake/git"), 0o755);
  return rig.run(words, { env: { PATH: `${rig.path("../fake")}:${String(process.env["PATH"])}` } }).err;
}

/** Git is killed together with us while it writes: one file is empty, one cut off, and one that is new, too. */
const KILLED = `
: > .git/index.lock
: > model.pkl.dvc
printf 'outs:\\n- md' > data.dvc
printf 'print(' > new.py
printf '3\\n3\\n' > train.py
kill -9 $PPID; exit 1`;

const goal = (): unknown => [
  rig.git("status", "--porcelain"),
  rig.read("model.pkl"),
  rig.read("train.py"),
  rig.read("new.py"),
];
const kept = (): string[] =>
  readdirSync(rig.path(".dvc/tmp/trash"), { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(py|dvc)$/.test(name),
  );

describe("snapshot restore, killed together with Git while it writes", () => {
  it("names the lock that Git left, and without it reaches the goal when it is run again", () => {
    withGit(KILLED, ["snapshot", "restore", "v3.0"]);
    const { err } = rig.run(["snapshot", "restore", "v3.0"]);
    expect(err).toContain(`rm '${rig.path(".git/index.lock")}'`);
    rmSync(rig.path(".git/index.lock"));
    rig.ok("snapshot", "restore", "v3.0");
    expect(goal()).toEqual(["", "model 3", "3\n".repeat(9), "print('only in the third version')\n".repeat(9)]);
    expect(
      kept()
        .map((name) => name.replace(/.*files./, ""))
        .sort(),
    ).toEqual(["data.dvc", "new.py", "train.py"]);
  });

  it("never takes an edit for its own, and keeps what somebody cut off since", () => {
    withGit(KILLED, ["snapshot", "restore", "v3.0"]);
    rmSync(rig.path(".git/index.lock"));
    rig.write("train.py", "3\n3\nmine");
    expect(rig.run(["snapshot", "restore", "v3.0"]).err).toMatch(
      /saved nowhere:\n.*not committed to Git:\n {4}train.py\n/,
    );
    rig.write("train.py", "3\n3\n3\n");
    rig.ok("snapshot", "restore", "v3.0");
    const [at = ""] = kept().filter((name) => name.endsWith("train.py"));
    expect(rig.read(`.dvc/tmp/trash/${at}`)).toBe("3\n3\n3\n");
  });

  it("takes what was cut off for work where no run was stopped", () => {
    rig.write("train.py", "3\n");
    expect(rig.run(["snapshot", "restore", "v3.0"]).err).toContain("train.py");
    expect(rig.read("train.py")).toBe("3\n");
  });

  it("is taken back by undo", () => {
    withGit(KILLED, ["snapshot", "restore", "v3.0"]);
    rmSync(rig.path(".git/index.lock"));
    rig.write("metrics.json", "mine");
    rig.ok("undo");
    expect([rig.read("train.py"), existsSync(rig.path("new.py")), rig.read("metrics.json")]).toEqual([
      "2\n",
      false,
      "mine",
    ]);
    expect(rig.git("status", "--porcelain")).toBe(" M metrics.json\n");
  });
});

describe("undo of a snapshot restore, killed together with Git while it writes", () => {
  it("reaches the goal when it is run again", () => {
    rig.ok("snapshot", "restore", "v3.0");
    withGit(`rm new.py; printf 2 > train.py; kill -9 $PPID; exit 1`, ["undo"]);
    rig.ok("undo");
    expect([rig.read("train.py"), rig.git("status", "--porcelain")]).toEqual(["2\n", ""]);
  });
});

describe("snapshot restore whose Git is stopped", () => {
  it("goes on when it is run again", () => {
    withGit(`printf '3\\n3\\n' > train.py; kill -INT $PPID; sleep 1; exit 1`, ["snapshot", "restore", "v3.0"]);
    rig.ok("snapshot", "restore", "v3.0");
    expect(goal()).toEqual(["", "model 3", "3\n".repeat(9), "print('only in the third version')\n".repeat(9)]);
  });
});
