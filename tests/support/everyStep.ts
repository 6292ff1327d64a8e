import { existsSync, lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fault, type Faulty, Sandbox } from "./faultRun.ts";
import { type Verb, verbs } from "./faultVerbs.ts";
import { filesUnder, md5Of, objectsIn } from "./killing.ts";

/** All steps with `make test-long`, or HOLDFAST_STEPS of each verb; else a few, chosen by the seed, up to the first failure. */
const LONG = process.env["HOLDFAST_LONG"] === "1";
const GIVEN = process.env["HOLDFAST_STEPS"];
const SHARE = Number(GIVEN ?? "5");
const SEED = Number(process.env["HOLDFAST_SEED"] ?? "20261127");
/** With `make test-long`, so many looks of each verb fail, or HOLDFAST_LOOKS. */
const LOOKS = Number(process.env["HOLDFAST_LOOKS"] ?? "20");
const ONLY = process.env["HOLDFAST_FAULT_ONLY"];
/** `2/8`: only the second of eight parts of the commands. */
const [SHARD = 1, SHARDS = 1] = (process.env["HOLDFAST_SHARD"] ?? "1/1").split("/").map(Number);
/** Leaves out the faults of other kinds, as `kill`. */
const KIND = process.env["HOLDFAST_FAULT_KIND"];

const everyKind: readonly Omit<Fault, "at">[] = [
  { kind: "kill" },
  { kind: "half" },
  { kind: "power" },
  { kind: "power", undo: true },
  { kind: "signal", signal: "SIGINT" },
  { kind: "signal", signal: "SIGTERM" },
  ...(["ENOSPC", "EIO", "EACCES", "EMFILE", "EROFS"] as const).map((code) => ({ kind: "error" as const, code })),
];
const kinds = everyKind.filter(({ kind }) => KIND === undefined || kind === KIND);

/** Small numbers that look random, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A few of the looks at files and folders: each may fail. */
function chosenLooks(name: string, looks: number, share: number): Fault[] {
  if (KIND !== undefined && KIND !== "look") return [];
  const random = randomOf(SEED + 7 * name.length);
  return Array.from({ length: share }, () => ({ kind: "look", at: 1 + Math.floor(random() * looks) }));
}

function chosen(name: string, steps: number, share: number): Fault[] {
  const all = kinds.flatMap((kind) => Array.from({ length: steps }, (_, at) => ({ ...kind, at: at + 1 })));
  if ((LONG && GIVEN === undefined) || all.length === 0) return all;
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
      /(^|\/)\.git\/|^project\/\.dvc\/(tmp|cache)\/|^source\/\.dvc\/tmp\/|^(remote|site|system)\/|^\.(cache|config)\//.test(
        name,
      )
    )
      continue;
    // A killed run leaves what it was writing; it never has a name that anything else would read.
    if (/\.hftmp(\/|$)/.test(name)) continue;
    held[name] = lstatSync(path).isSymbolicLink() ? readlinkSync(path) : md5Of(path);
    if (name.endsWith("/holdfast-trust.json")) held[name] = readFileSync(path, "utf8").replace(/"since":.*/, "");
    // Stages stand in it in the order in which they ran.
    if (name.endsWith("/dvc.lock")) held[name] = readFileSync(path, "utf8").split("\n").sort().join("\n");
  }
  // Where Git's branches and tags are, and whether its index is free.
  for (const path of [...filesUnder(join(box.project, ".git", "refs")), join(box.project, ".git", "index.lock")])
    if (existsSync(path)) held[relative(box.root, path)] = readFileSync(path, "utf8");
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

/** What Git would show beside the user's own files. */
function litter(): string[] {
  return filesUnder(box.project).filter((path) => /^(?!\.git\/|\.dvc\/).*\.hftmp/.test(relative(box.project, path)));
}

/** What differs from a picture. */
function differences(goal: Record<string, string>): string[] {
  const now = picture();
  return [...new Set([...Object.keys(goal), ...Object.keys(now)])]
    .filter((name) => goal[name] !== now[name])
    .map((name) => `${name}: ${String(now[name])} instead of ${String(goal[name])}`);
}

/** Who is interrupted cleans up and says so; who is told to end just ends. */
function checkEnd({ signal }: Fault, { code, by, err }: Faulty): void {
  if (signal === "SIGTERM") expect([0, "SIGTERM"]).toContain(by ?? code);
  if (signal !== "SIGINT") return;
  // A stage's command that runs meanwhile is interrupted, too, and named as what failed.
  expect(/exited with -2$/m.test(err) ? [0, 252, 255] : [0, 252]).toContain(code);
  expect(filesUnder(box.root).filter((path) => path.endsWith(".hftmp"))).toEqual([]);
}

/** What was in the way is named, and nobody is sent to somebody else's support. */
function checkText({ tellsOnOutput }: Verb, { failed, code, err }: Faulty): void {
  expect(err).not.toMatch(/^ {4}at |unexpected error|Having any troubles/m);
  if (failed && code !== 0 && !(code === 1 && tellsOnOutput === true)) expect(err).toMatch(/ERROR|failed|fail|error/i);
}

function check(verb: Verb, goal: Record<string, string>, before: Set<string>, ran: Faulty): void {
  checkText(verb, ran);
  if (verb.isDamaged !== true) objectsIn(store());
  objectsIn(remote());
  const now = contents();
  if (verb.deletes !== true) for (const one of before) expect(now, "a content is gone").toContain(one);
  // What was damaged from the beginning may still be there.
  const missing = verb.isDamaged === true && ran.code !== 0 ? ["(not repaired yet)"] : differences(goal);
  if (ran.failed && ran.code === 0) expect(missing, "success was claimed").toEqual([]);
  if (missing.length === 0) return;
  // An import that has its `.dvc` file is done: what was not flushed of its data is brought by a checkout.
  const isImported =
    verb.args[0]?.startsWith("import") === true &&
    ["got.dvc", "t.csv.dvc"].some((name) => existsSync(join(box.project, name)));
  const again = box.run(isImported ? ["checkout"] : verb.args);
  if (again.code !== 0) throw new Error(`the plain second run: ${again.said}${missing.join("\n")}`);
  if (verb.then !== undefined && differences(goal).length > 0) for (const args of [verb.then, verb.args]) box.run(args);
  // What stood half done at the place of an import is kept in the cache before it is replaced.
  const isKept = (one: string): boolean =>
    /^(import|update)/.test(verb.args[0] ?? "") && /^cache .* instead of undefined$/.test(one);
  const left = differences(goal).filter((one) => !isKept(one));
  if (left.length > 0) throw new Error(`after a plain second run: ${again.said}${left.join("\n")}`);
  expect(litter(), "left in the workspace after a plain second run").toEqual([]);
}

/**
 * Interrupts each command of the list at its steps. The list is played in `parts` files that run side by side; this is the one
 * of number `part`, from 0.
 */
export function describeEveryStep(part: number, parts: number): void {
  beforeAll(() => {
    box = new Sandbox();
  });
  afterAll(() => {
    box.remove();
  });

  describe("a fault at any step loses no byte, leaves no wrong object, and a plain second run reaches the goal", () => {
    const all = Object.keys(verbs).filter((name) => LONG || verbs[name]?.onlyLong !== true);
    const own = all.filter((_, nth) => nth % parts === part);
    const names = own.filter((_, nth) => nth % SHARDS === SHARD - 1);
    it.each(names)("%s", { timeout: LONG ? 3_600_000 : 120_000 }, async (name) => {
      const verb = verbs[name] as Verb;
      box.remove();
      box = new Sandbox();
      box.script(verb.prepare);
      box.keep();
      const before = precious();
      const { steps, looks, code, err } = await box.faulty(verb.args, { kind: "count", at: 0 });
      expect([code, err]).toEqual([0, expect.anything()]);
      const goal = picture();
      const faults =
        ONLY === undefined
          ? [
              ...chosen(name, steps.length, LONG ? SHARE : (verb.share ?? SHARE)),
              ...chosenLooks(name, looks, LONG ? LOOKS : verb.share === undefined ? 1 : 0),
            ]
          : [JSON.parse(ONLY) as Fault];
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
}
