import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killRounds, objectsIn, ownEnvironment, runAndKill } from "../support/killing.ts";
import { BINARY } from "../support/rig.ts";

/** Rounds for each way to run; more by `HOLDFAST_KILLS`. */
const { rounds: ROUNDS, timeout: TIMEOUT } = killRounds(4);

/** Two rows of stages that may run side by side, a folder and a metric among the outputs, and one stage at the end. */
const PIPELINE = `stages:
${[1, 2, 3, 4]
  .map(
    (n) => `  part${String(n)}:
    cmd: mkdir -p part${String(n)} && cat source.txt > part${String(n)}/a && echo ${String(n)} > part${String(n)}/b
    deps: [source.txt]
    params: [p${String(n)}]
    outs: [part${String(n)}]
`,
  )
  .join("")}${["left", "right"]
  .map(
    (side, at) => `  ${side}:
    cmd: cat part${String(2 * at + 1)}/* part${String(2 * at + 2)}/* > ${side}.txt
    deps: [part${String(2 * at + 1)}, part${String(2 * at + 2)}]
    outs: [${side}.txt]
`,
  )
  .join("")}  all:
    cmd: cat left.txt right.txt > all.txt; echo '{"n":' $(wc -l < all.txt) '}' > m.json
    deps: [left.txt, right.txt]
    outs: [all.txt]
    metrics: [{m.json: {cache: false}}]
`;
const OUTPUTS = ["part1/a", "part1/b", "part4/a", "part4/b", "left.txt", "right.txt", "all.txt", "m.json"];

let folder: string;
let expected: { lock: string; outputs: string[]; ms: number };

function run(root: string, ...args: string[]): string {
  const ran = spawnSync(process.execPath, [BINARY, ...args], {
    cwd: root,
    env: ownEnvironment(folder),
    encoding: "utf8",
  });
  expect(ran.stderr + ran.stdout, args.join(" ")).not.toMatch(/ERROR|Traceback/);
  expect(ran.status).toBe(0);
  return ran.stdout;
}

function makeProject(name: string): string {
  const root = join(folder, name);
  mkdirSync(root);
  run(root, "init", "-q", "--no-scm");
  writeFileSync(join(root, "source.txt"), "line\n".repeat(1000));
  writeFileSync(join(root, "params.yaml"), "p1: 1\np2: 2\np3: {a: 1}\np4: [1, 2]\n");
  writeFileSync(join(root, "dvc.yaml"), PIPELINE);
  return root;
}

const storeOf = (root: string): string => join(root, ".dvc", "cache", "files", "md5");
const outputsOf = (root: string): string[] => OUTPUTS.map((name) => readFileSync(join(root, name), "utf8"));

/**
 * The entries of a dvc.lock, sorted: a stage that was recorded before the kill keeps its place, and those that the re-run adds
 * come after it, as in DVC, whatever the order in which they would have been added without the kill.
 */
function entriesOf(lock: string): string[] {
  return lock.split(/^(?= {2}\S)/m).sort();
}

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "repro-kill-")));
  const root = makeProject("serial");
  const start = performance.now();
  run(root, "repro", "-q");
  const ms = performance.now() - start;
  expected = { lock: readFileSync(join(root, "dvc.lock"), "utf8"), outputs: outputsOf(root), ms };
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  ["a serial repro", ["repro", "-q"]],
  ["a repro of four stages at once", ["repro", "-q", "-j", "4"]],
] as const)("%s, killed at any moment", { timeout: TIMEOUT }, (_name, args) => {
  it("is finished by a plain re-run, with the dvc.lock and the outputs of one that was never killed", async () => {
    let killed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const root = makeProject(`${args.join("")}-${String(round)}`);
      const delay = 40 + ((round + 0.5) / ROUNDS) * Math.max(100, expected.ms - 40);
      if (await runAndKill(args, { cwd: root, env: ownEnvironment(folder) }, delay)) killed++;
      objectsIn(storeOf(root));
      await sleep(150);
      run(root, ...args);
      expect(entriesOf(readFileSync(join(root, "dvc.lock"), "utf8"))).toEqual(entriesOf(expected.lock));
      expect(outputsOf(root)).toEqual(expected.outputs);
      objectsIn(storeOf(root));
      expect(run(root, "status")).toContain("up to date");
    }
    expect(killed).toBeGreaterThan(0);
  });

  it("goes on where it was when it is killed again and again", async () => {
    const root = makeProject(`${args.join("")}-again`);
    for (let round = 0; round < ROUNDS; round++) {
      await runAndKill(args, { cwd: root, env: ownEnvironment(folder) }, 60 + round * 25);
      objectsIn(storeOf(root));
      await sleep(100);
    }
    run(root, ...args);
    expect(entriesOf(readFileSync(join(root, "dvc.lock"), "utf8"))).toEqual(entriesOf(expected.lock));
    expect(outputsOf(root)).toEqual(expected.outputs);
    // What the run cache keeps is sound: with everything else gone, nothing has to run.
    const copy = `${root}-copy`;
    cpSync(root, copy, { recursive: true });
    rmSync(join(copy, "dvc.lock"));
    for (const name of OUTPUTS) rmSync(join(copy, name));
    run(copy, ...args);
    expect(readFileSync(join(copy, "dvc.lock"), "utf8")).toBe(expected.lock);
  });
});
