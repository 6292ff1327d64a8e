import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { filesUnder, killRounds, md5Of, objectsIn, runAndKill } from "../support/killing.ts";
import { Rig } from "../support/rig.ts";

/** Rounds; more by `HOLDFAST_KILLS`. Each kills at another moment. */
const { rounds: ROUNDS, timeout: TIMEOUT } = killRounds(2);
const FILES = 300;

let rig: Rig;
beforeEach(() => {
  rig = new Rig().project();
  for (const version of [1, 2]) {
    for (let n = 0; n < FILES; n++) rig.write(`data/${String(n)}`, `${String(version)} ${String(n)}`);
    rig.ok("add", "-q", "data");
  }
});
afterEach(() => {
  rig.close();
});

const stored = (): Set<string> =>
  new Set([...objectsIn(rig.path(".dvc/cache")), ...objectsIn(rig.path(".dvc/tmp/trash"))]);

it(
  "gc and gc --undo killed at any moment lose no object, and a plain second run finishes",
  { timeout: TIMEOUT },
  async () => {
    const all = stored();
    for (let round = 0; round < ROUNDS; round++) {
      await runAndKill(["gc", "-w", "-f", "-q"], { cwd: rig.dir, env: rig.env }, 120 + round * 25);
      expect(stored()).toEqual(all);
      rig.ok("gc", "-w", "-f", "-q");
      expect(objectsIn(rig.path(".dvc/cache")).size).toBe(FILES + 1);
      await runAndKill(["gc", "--undo", "-q"], { cwd: rig.dir, env: rig.env }, 120 + round * 25);
      expect(stored()).toEqual(all);
      while (rig.run(["gc", "--undo", "-q"]).code === 0);
      expect(objectsIn(rig.path(".dvc/cache"))).toEqual(all);
    }
  },
);

it(
  "undo of checkout -f killed at any moment loses no byte, and a plain second run finishes",
  { timeout: TIMEOUT },
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      for (let n = 0; n < FILES; n++) rig.write(`data/${String(n)}`, `mine ${String(round)} ${String(n)}`);
      const mine = filesUnder(rig.path("data")).map((path) => md5Of(path));
      rig.ok("checkout", "-f", "-q");
      await runAndKill(["undo", "-q"], { cwd: rig.dir, env: rig.env }, 120 + round * 25);
      const kept = new Set(
        [...filesUnder(rig.path("data")), ...filesUnder(rig.path(".dvc/tmp/trash"))].map((path) => md5Of(path)),
      );
      for (const one of mine) expect(kept).toContain(one);
      if (rig.run(["undo", "--list"]).out.split("\n")[0]?.includes("(undone)") === false) rig.ok("undo", "-q");
      expect(
        filesUnder(rig.path("data"))
          .map((path) => md5Of(path))
          .sort(),
      ).toEqual([...mine].sort());
      rmSync(rig.path("data"), { recursive: true });
      rig.ok("checkout", "-q");
    }
  },
);
