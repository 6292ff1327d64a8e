import { existsSync, lstatSync, readlinkSync } from "node:fs";
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
  /** It is there to delete for good: what goes is not looked for. */
  readonly deletes?: true;
  /** An object is damaged from the beginning. */
  readonly isDamaged?: true;
  /** Brings what a power loss took from the workspace, whose files are not flushed, when the second run finds nothing to do. */
  readonly then?: readonly string[];
  /** Faults of the share; `SHARE` without it. */
  readonly share?: number;
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

/** Another project, with data in its cache. */
const SOURCE = `${FIRST}
mkdir ../source && (cd ../source && git init -q -b main && holdfast init -q && files v1 && holdfast add -q data && git add . && git commit -q -m v1)
git add . && git commit -q -m v1
`;
const IMPORTED = `${SOURCE}
holdfast import -q ../source data -o got && git add . && git commit -q -m import
(cd ../source && files v2 && rm data/a && holdfast add -q data && git add . && git commit -q -m v2)
`;
const LINKED = `${FIRST}
holdfast config cache.type symlink
holdfast add -q data model && git add . && git commit -q -m v1
`;
const DAMAGED = `${ADDED}
holdfast push -q
object=$(find .dvc/cache/files/md5 -type f ! -name '*.dir' | sort | head -n 1)
chmod u+w "$object" && printf '!' >> "$object" && chmod 444 "$object"
`;
const ARCHIVED = `${TWO}
holdfast snapshot export -q one ../one.tar
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
  import: { args: ["import", "../source", "data", "-o", "got"], prepare: SOURCE, share: 2 },
  update: { args: ["update", "got.dvc"], prepare: IMPORTED, share: 2 },
  "import-url": { args: ["import-url", "../outside/precious", "got"], prepare: ADDED, share: 2 },
  "get over files": { args: ["get", "../source", "data", "-f"], prepare: `${SOURCE}\nfiles v3`, share: 2 },
  "get-url": { args: ["get-url", "../outside/precious", "model", "-f"], prepare: ADDED, share: 2 },
  unprotect: { args: ["unprotect", "data", "model"], prepare: LINKED, then: ["checkout"], share: 2 },
  "checkout --relink": {
    args: ["checkout", "--relink"],
    prepare: `${ADDED}\nholdfast config cache.type symlink`,
    share: 2,
  },
  "fsck --repair": {
    args: ["fsck", "--repair", "-r", "store"],
    prepare: DAMAGED,
    isDamaged: true,
    then: ["fetch"],
    share: 2,
  },
  evict: { args: ["evict", "data"], prepare: `${ADDED}\nholdfast push -q`, share: 2 },
  purge: { args: ["purge", "data", "-f"], prepare: `${TWO}\nholdfast push -q -A`, deletes: true, share: 2 },
  "gc -c": { args: ["gc", "-c", "-w", "-f"], prepare: `${TWO}\nholdfast push -q -A`, deletes: true, share: 2 },
  "gc --undo": { args: ["gc", "--undo"], prepare: `${TWO}\nholdfast gc -q -w -f`, share: 2 },
  "stage add": { args: ["stage", "add", "-n", "x", "-d", "model", "-o", "y", "cp model y"], prepare: ADDED, share: 2 },
  freeze: { args: ["freeze", "first"], prepare: STAGES, share: 2 },
  "snapshot export": { args: ["snapshot", "export", "one", "../one.tar.zst", "-f"], prepare: TWO, share: 2 },
  "snapshot import": { args: ["snapshot", "import", "../one.tar", "../back"], prepare: ARCHIVED, share: 2 },
  "undo of get": { args: ["undo"], prepare: `${SOURCE}\nfiles v3\nholdfast get -q ../source data -f`, share: 2 },
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

function chosen(name: string, steps: number, share: number): Fault[] {
  const all = kinds.flatMap((kind) => Array.from({ length: steps }, (_, at) => ({ ...kind, at: at + 1 })));
  if (LONG) return all;
  const random = randomOf(SEED + name.length);
  const at = 1 + Math.floor(random() * steps);
  const some = Array.from({ length: share }, () => all[Math.floor(random() * all.length)] as Fault);
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
    if (
      /(^|\/)\.git\/|^project\/\.dvc\/(tmp|cache)\/|^source\/\.dvc\/tmp\/|^(remote|site|global|system)\/|^\.(cache|config)\//.test(
        name,
      )
    )
      continue;
    // A killed run leaves what it was writing; it never has a name that anything else would read.
    if (/\.hftmp(\/|$)/.test(name)) continue;
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

/** What was in the way is named, and nobody is sent to somebody else's support. */
function checkText({ failed, code, err }: Faulty): void {
  expect(err).not.toMatch(/^ {4}at |unexpected error|Having any troubles/m);
  if (failed && code !== 0) expect(err).toMatch(/ERROR|failed|fail|error/i);
}

function check(verb: Verb, goal: Record<string, string>, before: Set<string>, ran: Faulty): void {
  checkText(ran);
  if (verb.isDamaged !== true) objectsIn(store());
  objectsIn(remote());
  const now = contents();
  if (verb.deletes !== true) for (const one of before) expect(now, "a content is gone").toContain(one);
  // What was damaged from the beginning may still be there.
  const missing = verb.isDamaged === true && ran.code !== 0 ? ["(not repaired yet)"] : differences(goal);
  if (ran.failed && ran.code === 0) expect(missing, "success was claimed").toEqual([]);
  if (missing.length === 0) return;
  // An import that has its `.dvc` file is done: what was not flushed of its data is brought by a checkout.
  const isImported = verb.args[0]?.startsWith("import") === true && existsSync(join(box.project, "got.dvc"));
  const again = box.run(isImported ? ["checkout"] : verb.args);
  if (again.code !== 0) throw new Error(`the plain second run: ${again.said}${missing.join("\n")}`);
  if (verb.then !== undefined && differences(goal).length > 0) for (const args of [verb.then, verb.args]) box.run(args);
  // What stood half done at the place of an import is kept in the cache before it is replaced.
  const isKept = (one: string): boolean =>
    /^(import|update)/.test(verb.args[0] ?? "") && /^cache .* instead of undefined$/.test(one);
  const left = differences(goal).filter((one) => !isKept(one));
  if (left.length > 0) throw new Error(`after a plain second run: ${again.said}${left.join("\n")}`);
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
    const faults = ONLY === undefined ? chosen(name, steps.length, verb.share ?? SHARE) : [JSON.parse(ONLY) as Fault];
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
