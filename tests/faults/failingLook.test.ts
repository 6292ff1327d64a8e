import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verbs, type Verb } from "../support/faultVerbs.ts";
import { Sandbox } from "../support/faultRun.ts";
import { md5Of } from "../support/killing.ts";

let box: Sandbox;
beforeAll(() => {
  box = new Sandbox();
});
afterAll(() => {
  box.remove();
});

function prepare(name: string): readonly string[] {
  const verb = verbs[name] as Verb;
  box.remove();
  box = new Sandbox();
  box.script(verb.prepare);
  box.keep();
  return verb.args;
}

describe("a file that can't be looked at", () => {
  it("is not taken for deleted: a snapshot that says it was saved holds it", { timeout: 60_000 }, async () => {
    const args = prepare("snapshot save");
    const path = join(box.project, "model");
    const wanted = md5Of(path);
    const outcomes = new Set<string>();
    for (let at = 1; ; at++) {
      box.reset();
      const { failed, code, err } = await box.faulty(args, { kind: "look", at, path });
      if (!failed) break;
      expect(err).not.toMatch(/unexpected error|^ {4}at /m);
      if (code === 0) expect(readFileSync(`${path}.dvc`, "utf8"), `look ${String(at)}`).toContain(wanted);
      else expect(err).toMatch(/Input\/output error|i\/o error/);
      outcomes.add(code === 0 ? "saved" : "refused");
    }
    expect(outcomes).toContain("refused");
  });
});

describe("move of edited data, killed once the data has its new place", () => {
  it("is finished by a plain second run", { timeout: 60_000 }, async () => {
    const args = prepare("move of what was edited");
    const { steps } = await box.faulty(args, { kind: "count", at: 0 });
    const moved = steps.findIndex((step) => /^rename .*\/moved"$/.test(step));
    const pointer = steps.findIndex((step) => /^rename .*\/moved\.dvc"$/.test(step));
    expect(moved).toBeGreaterThan(0);
    expect(pointer).toBeGreaterThan(moved);
    for (const at of [moved + 2, pointer + 1, pointer + 2]) {
      box.reset();
      expect((await box.faulty(args, { kind: "kill", at })).killed).toBe(true);
      expect(box.run(args)).toMatchObject({ code: 0 });
      expect(readFileSync(join(box.project, "moved", "mine"), "utf8")).toBe("mine\n");
      expect(existsSync(join(box.project, "data.dvc"))).toBe(false);
      expect(existsSync(join(box.project, "moved.dvc"))).toBe(true);
    }
  });
});
