import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BINARY, Rig } from "../support/rig.ts";

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
});

const PIPELINE = `stages:
  prepare: {cmd: 'echo preparing; cp in a', deps: [in], outs: [a]}
  train: {cmd: 'echo training; cp a b', deps: [a], params: [lr], outs: [b]}
  other: {cmd: 'echo other >&2; cp in c', deps: [in], outs: [c]}
`;

describe("repro", () => {
  it("prefixes lines with the stage with -j, and leaves them alone without", () => {
    rig.write("in", "1\n");
    rig.write("params.yaml", "lr: 0.1\n");
    rig.write("dvc.yaml", PIPELINE);
    const ran = rig.run(["repro", "-j", "2"]);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain("prepare | preparing\n");
    expect(ran.out).toContain("train   | > echo training; cp a b\n");
    expect(ran.err).toContain("other   | other\n");
    expect(rig.run(["repro"], { env: { HOLDFAST_JOBS: "2" } }).out).toContain(
      "train   | Stage 'train' didn't change, skipping\n",
    );
    expect(rig.run(["repro"], { env: { HOLDFAST_JOBS: "many" } })).toMatchObject({ code: 255 });
    rig.write("in", "2\n");
    expect(rig.ok("repro", "prepare")).toContain("\n> echo preparing; cp in a\npreparing\n");
  });

  it("keeps stdout for the JSON document", () => {
    rig.write("in", "1\n");
    rig.write("params.yaml", "lr: 0.1\n");
    rig.write("dvc.yaml", PIPELINE);
    const ran = rig.run(["repro", "--json"]);
    expect(JSON.parse(ran.out)).toEqual({ reproduced: ["prepare", "train", "other"] });
    expect(ran.err).toContain("preparing\n");
  });

  it("explains in one line each", () => {
    rig.write("in", "1\n");
    rig.write("params.yaml", "lr: 0.1\n");
    rig.write("dvc.yaml", PIPELINE);
    rig.ok("repro");
    rig.write("params.yaml", "lr: 0.2\n");
    expect(rig.ok("repro", "--explain")).toBe(
      "prepare: does not run, nothing changed\n" +
        "train: runs, because param lr changed 0.1 -> 0.2 (params.yaml)\n" +
        "other: does not run, nothing changed\n",
    );
    expect(JSON.parse(rig.ok("repro", "--explain", "--json", "train"))).toMatchObject({
      stages: [
        { stage: "prepare", decision: "skip" },
        { stage: "train", decision: "run" },
      ],
    });
  });

  it("explains a group of parameters by those that changed, and a long command by its words that differ", () => {
    const words = "a-rather-long-option-that-stays --another-rather-long-option-that-stays";
    rig.write("params.yaml", "train: {lr: 0.1, deep: {epochs: 3, seed: 1}}\n");
    rig.write(
      "dvc.yaml",
      `stages:\n  train: {cmd: 'echo ${words} \${train.lr} end', params: [train]}\n  plain: {cmd: echo, params: [train.deep]}\n`,
    );
    rig.ok("repro");
    rig.write("params.yaml", "train: {lr: 0.2, deep: {epochs: 4, seed: 1, new: x}}\n");
    const told = rig.ok("repro", "--explain");
    const deep = "param train.deep.epochs changed 3 -> 4 (params.yaml); param train.deep.new is new: x (params.yaml)";
    expect(told).toBe(
      "train: runs, because its command changed … --another-rather-long-option-that-stays 0.1 … -> " +
        "… --another-rather-long-option-that-stays 0.2 …; param train.lr changed 0.1 -> 0.2 (params.yaml); " +
        `${deep}\nplain: runs, because ${deep}\n`,
    );
  });

  it.each([
    { signal: "SIGINT", words: ["-j", "2", "-k"], code: 255 },
    { signal: "SIGTERM", words: ["-j", "2"], code: "SIGTERM" },
    { signal: "SIGTERM", words: [], code: "SIGTERM" },
  ] as const)(
    "ends its children with $signal ($words), keeps what is done, frees its locks",
    async ({ signal, words, code }) => {
      rig.write("in", "1\n");
      rig.write(
        "dvc.yaml",
        "stages:\n" +
          "  done: {cmd: cp in a, deps: [in], outs: [a]}\n" +
          "  long: {cmd: 'sleep 60 & echo $! > pid; wait', deps: [a], outs: [b]}\n" +
          "  next: {cmd: touch ran, deps: [b]}\n" +
          "  late: {cmd: touch ran, deps: [a, b]}\n",
      );
      const { pid, ended } = await signalled(signal, words);
      expect(ended).toBe(code);
      if (words.length > 0) await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
      else if (isAlive(pid)) process.kill(pid, "SIGKILL");
      expect(rig.read("dvc.lock")).toContain("  done:\n");
      expect(existsSync(join(rig.dir, "ran"))).toBe(false);
      expect(rig.read(".dvc/tmp/rwlock")).toBeUndefined();
      expect(rig.run(["status"]).code).toBe(0);
    },
  );

  it.each([
    { signal: "SIGINT", words: ["-j", "2"], code: 252 },
    { signal: "SIGTERM", words: ["-j", "2"], code: "SIGTERM" },
    { signal: "SIGTERM", words: ["-k"], code: "SIGTERM" },
  ] as const)("begins nothing after $signal ($words) when a command takes it well", async ({ signal, words, code }) => {
    const trap = "trap 'echo saved > a; exit 0' INT TERM; echo $$ > pid; while true; do sleep 0.1; done";
    const stages = { good: { cmd: trap, outs: ["a"] }, list: { cmd: ["cp a b", "touch ran"], deps: ["a"] } };
    rig.write("dvc.yaml", JSON.stringify({ stages }));
    expect((await signalled(signal, words)).ended).toBe(code);
    expect(rig.read("a")).toBe("saved\n");
    expect(rig.read("dvc.lock")).toContain("  good:\n");
    expect(existsSync(join(rig.dir, "b"))).toBe(false);
    rig.ok("repro");
    expect(existsSync(join(rig.dir, "ran"))).toBe(true);
  });
});

/** Runs `repro` until a command has written its process id, then sends it a signal. */
async function signalled(
  signal: NodeJS.Signals,
  words: readonly string[],
): Promise<{ readonly pid: number; readonly ended: number | NodeJS.Signals | null }> {
  const child = spawn(process.execPath, [BINARY, "repro", ...words], { cwd: rig.dir, env: rig.env, stdio: "ignore" });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once("exit", (status, by) => {
      resolve(status ?? by);
    });
  });
  await expect.poll(() => rig.read("pid") ?? "", { timeout: 20_000 }).toMatch(/\d+\n/);
  const pid = Number(rig.read("pid") ?? "");
  child.kill(signal);
  return { pid, ended: await ended };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A process that has ended and that nobody asked about is still listed.
  return process.platform !== "linux" || !/^State:\s+Z/m.test(readFileSync(`/proc/${String(pid)}/status`, "utf8"));
}
