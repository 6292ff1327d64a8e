import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { filesUnder } from "./killing.ts";
import { BINARY, type Rig } from "./rig.ts";

const COST = join(dirname(fileURLToPath(import.meta.url)), "cost.cjs");
/** Of processor time, so that a busy machine changes little. */
const MOST_SECONDS = 2;
const MOST_MEGABYTES = 300;
/** Of what is said, in characters. */
const MOST_SAID = 8000;

/** Everything outside of `.git` and `.dvc/tmp`. */
function files(rig: Rig): string[] {
  return filesUnder(dirname(rig.dir)).filter((path) => !/\/\.(git|dvc\/tmp)\/|\/cost$|\/config\/site\//.test(path));
}

/**
 * Runs a command on something hostile: soon, in little memory, with nothing written, and whatever goes wrong is said clearly.
 * @param mostSaid characters
 * @returns how it ended
 */
export function withstands(
  rig: Rig,
  words: readonly string[],
  label: string,
  mostSaid: number = MOST_SAID,
): { code: number | null; err: string } {
  const before = files(rig);
  const note = join(dirname(rig.dir), "cost");
  const ran = spawnSync(process.execPath, ["--require", COST, BINARY, ...words], {
    cwd: rig.dir,
    env: { ...rig.env, HOLDFAST_COST: note },
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const cost = JSON.parse(readFileSync(note, "utf8")) as { seconds: number; megabytes: number };
  const told = ran.stdout + ran.stderr;
  const shown = `${label}: ${words.join(" ")}`;
  expect([shown, ran.signal, told]).toEqual([
    shown,
    null,
    expect.not.stringMatching(/^ {4}at |RangeError|TypeError|heap|unexpected error/m),
  ]);
  expect(ran.stderr.length, shown).toBeLessThan(mostSaid);
  expect(cost.seconds, `${shown}: seconds`).toBeLessThan(MOST_SECONDS);
  expect(cost.megabytes, `${shown}: megabytes`).toBeLessThan(MOST_MEGABYTES);
  expect(files(rig), shown).toEqual(before);
  return { code: ran.status, err: ran.stderr };
}

/** The same for what must be refused. */
export function refuses(rig: Rig, words: readonly string[], label: string, mostSaid: number = MOST_SAID): void {
  const { code, err } = withstands(rig, words, label, mostSaid);
  expect([label, code], err).not.toEqual([label, 0]);
  expect(err, label).toMatch(/is invalid|validation failed|ERROR: |WARNING: /);
}
