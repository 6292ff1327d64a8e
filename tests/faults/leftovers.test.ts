import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Sandbox } from "../support/faultRun.ts";
import { verbs, type Verb } from "../support/faultVerbs.ts";
import { filesUnder } from "../support/killing.ts";

const { args, prepare } = verbs["add"] as Verb;
let box: Sandbox;
beforeAll(() => {
  box = new Sandbox();
  box.script(prepare);
  box.keep();
});
afterAll(() => {
  box.remove();
});

const temporaries = (): string[] => filesUnder(box.root).filter((path) => path.includes(".hftmp"));

/** Kills an `add` right before the first step of this kind. */
async function killBefore(wanted: RegExp): Promise<void> {
  box.reset();
  const { steps } = await box.faulty(args, { kind: "count", at: 0 });
  const at = 1 + steps.findIndex((step) => wanted.test(step));
  expect(at).toBeGreaterThan(0);
  box.reset();
  expect((await box.faulty(args, { kind: "kill", at })).killed).toBe(true);
  expect(temporaries()).not.toEqual([]);
}

describe("what a killed add was writing is gone after a plain second run", { timeout: 60_000 }, () => {
  it("in the cache of the project", async () => {
    await killBefore(/^rename .*\/[0-9a-f]{30}"$/);
    expect(box.run(args).code).toBe(0);
    expect(temporaries()).toEqual([]);
  });

  it("among what it remembers of files", async () => {
    await killBefore(/^rename .*\/site\/.*\/state"$/);
    // It has done its work: what comes next is another change.
    box.script("rm model; echo other > model\nholdfast add -q data model");
    expect(temporaries()).toEqual([]);
  });

  it("but not in a cache that others use, too, as long as it may be theirs", async () => {
    await killBefore(/^rename .*\/[0-9a-f]{30}"$/);
    box.script(
      "mkdir ../other && cd ../other && git init -q && holdfast init -q && holdfast cache dir ../project/.dvc/cache && echo x > x && holdfast add -q x",
    );
    expect(box.run(args).code).toBe(0);
    expect(temporaries()).not.toEqual([]);
  });
});

describe("an interrupt while a command that is done writes what it remembers", { timeout: 60_000 }, () => {
  it("leaves nothing half written, and is no failure", async () => {
    const { args, prepare } = verbs["remove"] as Verb;
    box.remove();
    box = new Sandbox();
    box.script(prepare);
    box.keep();
    const { steps } = await box.faulty(args, { kind: "count", at: 0 });
    const opened = steps.findLastIndex((step) => step.startsWith("open"));
    expect(steps[opened]).toContain("/site/");
    for (let at = opened + 1; at <= steps.length; at++) {
      box.reset();
      const ran = await box.faulty(args, { kind: "signal", signal: "SIGINT", at });
      expect([at, ran.by, ran.code, temporaries()]).toEqual([at, null, 0, []]);
    }
  });
});
