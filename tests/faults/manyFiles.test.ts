import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { BINARY, Rig } from "../support/rig.ts";

const LONG = process.env["HOLDFAST_LONG"] === "1";
const COST = join(dirname(fileURLToPath(import.meta.url)), "..", "support", "cost.cjs");
const FILES_A_FOLDER = 1000;
/** Enough that other threads take part, and several times that. */
const FEW = 6_000;
const MANY = 36_000;
/** A folder in memory, on systems that have one. */
const IN_MEMORY = "/dev/shm";
/** What a process may hold with a million files. */
const MOST_MEGABYTES = 1000;
/** Memory that a process asks for in all, in KiB: the stacks of its threads, which nobody fills, count too. */
const CAP_KIB = 1 << 20;

let rig: Rig;
beforeEach(() => {
  // What is measured is memory: a slow disk need not make it long.
  if (!LONG && hasRoom(IN_MEMORY)) vi.stubEnv("TMPDIR", IN_MEMORY);
  rig = new Rig().project();
});
afterEach(() => {
  rig.close();
  vi.unstubAllEnvs();
}, 1_800_000);

function hasRoom(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const { bavail, bsize, ffree } = statfsSync(folder);
  return bavail * bsize > 2 ** 31 && ffree > 500_000;
}

/** Makes `data` with so many small files, no two alike. */
function makeFiles(count: number): void {
  for (let i = 0; i < count; i++) {
    const folder = join(rig.dir, "data", `part-${String(Math.floor(i / FILES_A_FOLDER)).padStart(4, "0")}`);
    if (i % FILES_A_FOLDER === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `sample-${String(i)}.txt`), `sample ${String(i)} of a large set\n`);
  }
}

/** Runs a command that must succeed, under a cap where the system has one. @returns the most memory that it held, in MB */
function peakOf(...words: string[]): number {
  const note = join(dirname(rig.dir), "cost");
  const run = [process.execPath, "--require", COST, BINARY, ...words];
  const capped =
    process.platform === "linux" ? ["sh", "-c", `ulimit -d ${String(CAP_KIB)}; exec "$@"`, "sh", ...run] : run;
  const [program = "", ...rest] = capped;
  const env = { ...rig.env, HOLDFAST_COST: note };
  const ran = spawnSync(program, rest, { cwd: rig.dir, encoding: "utf8", env, maxBuffer: 1 << 28 });
  expect([words, ran.status, ran.signal, ran.stderr]).toEqual([words, 0, null, expect.not.stringContaining("ERROR")]);
  return (JSON.parse(readFileSync(note, "utf8")) as { megabytes: number }).megabytes;
}

/** A folder's way from the workspace to a remote and back. @returns the most memory that each command held, in MB */
function peaksWith(count: number): Record<string, number> {
  makeFiles(count);
  const add = peakOf("add", "-q", "data");
  const status = peakOf("status");
  rig.ok("remote", "add", "-q", "-d", "there", join(dirname(rig.dir), "remote"));
  const push = peakOf("push", "-q");
  // What is moved away need not be removed, which takes as long as to make it.
  const away = mkdtempSync(join(dirname(rig.dir), "away-"));
  renameSync(join(rig.dir, "data"), join(away, "data"));
  const checkout = peakOf("checkout", "-q");
  expectAll(count);
  const gc = peakOf("gc", "-w", "-f");
  renameSync(join(rig.dir, "data"), join(away, "data-again"));
  renameSync(join(rig.dir, ".dvc", "cache"), join(away, "cache"));
  const pull = peakOf("pull", "-q");
  expectAll(count);
  return { add, status, push, checkout, gc, pull };
}

function expectAll(count: number): void {
  expect(rig.ok("status")).toBe("Data and pipelines are up to date.\n");
  const folders = readdirSync(join(rig.dir, "data"));
  expect(folders.length).toBe(Math.ceil(count / FILES_A_FOLDER));
  expect(readdirSync(join(rig.dir, "data", folders.at(-1) ?? "")).length).toBe(FILES_A_FOLDER);
}

// Threads, and what a program holds anyway, differ from machine to machine: what more files cost does not.
it.skipIf(LONG)(
  "a file more costs a command less than a kilobyte of memory",
  () => {
    const few = peaksWith(FEW);
    rig.close();
    rig = new Rig().project();
    const many = peaksWith(MANY);
    const each = Object.entries(many).map(([verb, megabytes]) => [
      verb,
      ((megabytes - (few[verb] ?? 0)) / (MANY - FEW)) * 1e6,
    ]);
    // `pull` does the work of two: what the first has let go of may still be held when the second begins.
    for (const [verb, bytes] of each) expect(bytes, String(verb)).toBeLessThan(verb === "pull" ? 2000 : 1000);
  },
  300_000,
);

it.runIf(LONG)(
  "a million files are added, looked at, pushed, checked out, kept by gc and pulled in less than a gigabyte",
  () => {
    const peaks = peaksWith(1_000_000);
    console.log(peaks);
    for (const [verb, megabytes] of Object.entries(peaks)) expect(megabytes, verb).toBeLessThan(MOST_MEGABYTES);
  },
  7_200_000,
);
