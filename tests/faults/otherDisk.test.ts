import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { verbs, type Verb } from "../support/faultVerbs.ts";
import { Sandbox } from "../support/faultRun.ts";
import { filesUnder } from "../support/killing.ts";

let box: Sandbox;
beforeEach(() => {
  box = new Sandbox();
});
afterEach(() => {
  box.remove();
});

/** Runs a verb of the list with a rename that can't be done: the two places lie on different disks. @returns how many such there are */
async function runAcross(name: string, rename: RegExp, check: () => void): Promise<number> {
  const { args, prepare } = verbs[name] as Verb;
  box.script(prepare);
  box.keep();
  const { steps } = await box.faulty(args, { kind: "count", at: 0 });
  const found = steps.flatMap((step, nth) => (rename.test(step) ? [nth + 1] : []));
  for (const at of found) {
    box.reset();
    expect(await box.faulty(args, { kind: "error", code: "EXDEV", at })).toMatchObject({ failed: true, code: 0 });
    check();
    expect(filesUnder(box.project).filter((path) => path.includes(".hftmp"))).toEqual([]);
  }
  return found.length;
}

const textsBelow = (folder: string): string[] => filesUnder(folder).map((path) => readFileSync(path, "utf8"));

describe("a workspace of several disks, or of layers", { timeout: 60_000 }, () => {
  it("move copies what can't be renamed, and undo brings it back", async () => {
    const count = await runAcross("move of what was edited", /^rename .*\/moved"$/, () => {
      expect(existsSync(join(box.project, "data"))).toBe(false);
      expect(textsBelow(join(box.project, "moved")).sort()).toEqual(
        ["mine\n", "same\n", "v2 a\n", "v2 b\n", "v2 sub/c\n"].sort(),
      );
      expect(box.run(["undo"]).code).toBe(0);
      expect(readFileSync(join(box.project, "data", "mine"), "utf8")).toBe("mine\n");
    });
    expect(count).toBe(1);
  });

  it("checkout -f copies unsaved files into the trash: none stays in the tracked folder", async () => {
    const count = await runAcross("checkout over unsaved files", /^rename .*\/trash\/[^/]+\/files\//, () => {
      expect(box.run(["status"]).said).toContain("up to date");
      const kept = textsBelow(join(box.project, ".dvc", "tmp", "trash"));
      for (const text of ["v3 b\n", "v3 sub/c\n", "v3 model\n"]) expect(kept).toContain(text);
    });
    expect(count).toBeGreaterThan(2);
  });
});
