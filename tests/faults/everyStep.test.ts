import { lstatSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fault, type Faulty, Sandbox } from "../support/faultRun.ts";
import { filesUnder, md5Of, objectsIn } from "../support/killing.ts";

/** All steps with `make test-long`; else so many of each verb, chosen by the seed. */
const LONG = process.env["HOLDFAST_LONG"] === "1";
const SHARE = Number(process.env["HOLDFAST_STEPS"] ?? "5");
const SEED = Number(process.env["HOLDFAST_SEED"] ?? "20261127");
const ONLY = process.env["HOLDFAST_FAULT_ONLY"];

interface Verb {
  readonly args: readonly string[];
  /** Shell lines that make what the verb finds; `files v2` writes the second version of the data. */
  readonly prepare: string;
}

const FIRST = `
files() {
  mkdir -p data/sub
  for name in a b sub/c; do rm -f data/$name; echo "$1 $name" > data/$name; done
  echo same > data/same
  rm -f model; echo "$1 model" > model
}
git init -q -b main
holdfast init -q
holdfast config core.autostage true
holdfast remote add -q -d store ../remote
git add .dvc/config
mkdir -p ../outside && echo precious > ../outside/precious
files v1
`;
const ADDED = `${FIRST}
holdfast add -q data model
git commit -q -m v1
`;
const TWO = `${ADDED}
git tag one
files v2; rm data/a; echo new > data/new
holdfast add -q data model
git commit -q -m v2
`;
const STAGES = `${ADDED}
echo 'import sys; open(sys.argv[2], "w").write(open(sys.argv[1]).read() * 2)' > double.py
holdfast stage add -q -n first -d double.py -d data/b -o middle "python3 double.py data/b middle"
holdfast stage add -q -n second -d middle -O last "cp middle last"
holdfast repro -q
git add . && git commit -q -m stages
files v2
`;

const verbs: Record<string, Verb> = {
  add: { args: ["add", "data", "model"], prepare: FIRST },
  "add again": { args: ["add", "data", "model"], prepare: `${ADDED}\nfiles v2; rm data/a; echo new > data/new` },
  commit: { args: ["commit", "-f"], prepare: `${ADDED}\nfiles v2; rm data/a` },
  checkout: { args: ["checkout"], prepare: `${TWO}\ngit checkout -q one` },
  "checkout over unsaved files": { args: ["checkout", "-f"], prepare: `${TWO}\nfiles v3` },
  push: { args: ["push"], prepare: ADDED },
  fetch: { args: ["fetch"], prepare: `${ADDED}\nholdfast push -q; rm -rf .dvc/cache` },
  pull: { args: ["pull"], prepare: `${ADDED}\nholdfast push -q; rm -rf .dvc/cache data model` },
  gc: { args: ["gc", "-w", "-f"], prepare: `${TWO}\ngit reset -q --hard HEAD~0; git tag -d one >/dev/null` },
  move: { args: ["move", "data", "moved"], prepare: ADDED },
  remove: { args: ["remove", "data.dvc", "--outs"], prepare: `${ADDED}\nfiles v2` },
  repro: { args: ["repro"], prepare: STAGES },
  "snapshot save": { args: ["snapshot", "save", "-m", "second", "-t", "v2"], prepare: `${ADDED}\nfiles v2; rm data/a` },
  "snapshot restore": { args: ["snapshot", "restore", "one"], prepare: TWO },
  undo: { args: ["undo"], prepare: `${ADDED}\nfiles v2\nholdfast add -q data` },
  "undo of checkout -f": { args: ["undo"], prepare: `${TWO}\nfiles v3\nholdfast checkout -q -f` },
  "undo of snapshot restore": { args: ["undo"], prepare: `${TWO}\nholdfast snapshot restore -q one` },
  "undo --redo": { args: ["undo", "--redo"], prepare: `${TWO}\nfiles v3\nholdfast checkout -q -f\nholdfast undo -q` },
};

const kinds: readonly Omit<Fault, "at">[] = [
  { kind: "kill" },
  { kind: "half" },
  { kind: "power" },
  { kind: "power", undo: true },
  { kind: "signal", signal: "SIGINT" },
  { kind: "signal", signal: "SIGTERM" },
  ...(["ENOSPC", "EIO", "EACCES", "EMFILE", "EROFS"] as const).map((code) => ({ kind: "error" as const, code })),
];

/** Small numbers that look random, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function chosen(name: string, steps: number): Fault[] {
  const all = kinds.flatMap((kind) => Array.from({ length: steps }, (_, at) => ({ ...kind, at: at + 1 })));
  if (LONG) return all;
  const random = randomOf(SEED + name.length);
  const at = 1 + Math.floor(random() * steps);
  const some = Array.from({ length: SHARE }, () => all[Math.floor(random() * all.length)] as Fault);
  // Right before the end the most is unflushed.
  return [...some, { kind: "power", at: steps }, { kind: "signal", signal: "SIGINT", at }];
}

let box: Sandbox;
const store = (): string => join(box.project, ".dvc", "cache");
const remote = (): string => join(box.root, "remote");

/** What the workspace, the cache and the remote hold, by path; not what only the program itself needs. */
function picture(): Record<string, string> {
  const held: Record<string, string> = {};
  for (const path of filesUnder(box.root)) {
    const name = relative(box.root, path);
    if (/^project\/(\.git\/|\.dvc\/(tmp|cache)\/)|^(remote|site|global|system)\/|^\.(cache|config)\//.test(name))
      continue;
    // A killed run leaves what it was writing; it never has a name that anything else would read.
    if (name.endsWith(".hftmp")) continue;
    held[name] = lstatSync(path).isSymbolicLink() ? readlinkSync(path) : md5Of(path);
  }
  for (const oid of objectsIn(store())) held[`cache ${oid}`] = oid;
  for (const oid of objectsIn(remote())) held[`remote ${oid}`] = oid;
  return held;
}

/** Every content that is somewhere. */
function contents(): Set<string> {
  return new Set(
    [...filesUnder(box.project), ...filesUnder(remote())]
      .filter((path) => !lstatSync(path).isSymbolicLink() && !path.startsWith(join(box.project, ".git", "")))
      .map(md5Of),
  );
}

/** What must never be gone: data and code in the workspace, and objects. */
function precious(): Set<string> {
  const own = /^(?!\.git\/|\.dvc\/|.*\.gitignore$|.*\.dvc$|dvc\.|\.dvcignore)/;
  const mine = filesUnder(box.project).filter((path) => own.test(relative(box.project, path)));
  return new Set([...mine, ...filesUnder(store()), ...filesUnder(remote())].map(md5Of));
}

/** What differs from a picture. */
function differences(goal: Record<string, string>): string[] {
  const now = picture();
  return [...new Set([...Object.keys(goal), ...Object.keys(now)])]
    .filter((name) => goal[name] !== now[name])
    .map((name) => `${name}: ${String(now[name])} instead of ${String(goal[name])}`);
}

/** Who is interrupted cleans up and says so; who is told to end just ends. */
function checkEnd({ signal }: Fault, { code, by }: Faulty): void {
  if (signal === "SIGTERM") expect([0, "SIGTERM"]).toContain(by ?? code);
  if (signal !== "SIGINT") return;
  expect([0, 252]).toContain(code);
  expect(filesUnder(box.root).filter((path) => path.endsWith(".hftmp"))).toEqual([]);
}

function check(verb: Verb, goal: Record<string, string>, before: Set<string>, ran: Faulty): void {
  objectsIn(store());
  objectsIn(remote());
  const now = contents();
  for (const one of before) expect(now, "a content is gone").toContain(one);
  expect(ran.err).not.toMatch(/^ {4}at /m);
  const missing = differences(goal);
  if (ran.failed && ran.code === 0) expect(missing, "success was claimed").toEqual([]);
  if (missing.length === 0) return;
  const again = box.run(verb.args);
  if (again.code !== 0) throw new Error(`the plain second run: ${again.said}${missing.join("\n")}`);
  expect(differences(goal)).toEqual([]);
}

beforeAll(() => {
  box = new Sandbox();
});
afterAll(() => {
  box.remove();
});

describe("a fault at any step loses no byte, leaves no wrong object, and a plain second run reaches the goal", () => {
  it.each(Object.keys(verbs))("%s", { timeout: LONG ? 3_600_000 : 120_000 }, async (name) => {
    const verb = verbs[name] as Verb;
    box.remove();
    box = new Sandbox();
    box.script(verb.prepare);
    box.keep();
    const before = precious();
    const { steps, code, err } = await box.faulty(verb.args, { kind: "count", at: 0 });
    expect([code, err]).toEqual([0, expect.anything()]);
    const goal = picture();
    const faults = ONLY === undefined ? chosen(name, steps.length) : [JSON.parse(ONLY) as Fault];
    const wrong: string[] = [];
    for (const fault of faults) {
      box.reset();
      const ran = await box.faulty(verb.args, fault);
      try {
        checkEnd(fault, ran);
        check(verb, goal, before, ran);
      } catch (error) {
        const step = `${JSON.stringify(fault)} before ${ran.steps[fault.at - 1] ?? ""}`;
        wrong.push(`${step}\n${ran.err}${error instanceof Error ? error.message : String(error)}`);
        if (!LONG) break;
      }
    }
    expect(wrong.join("\n\n")).toBe("");
  });
});
