import { lstatSync, readlinkSync } from "node:fs";
import { relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fault, Sandbox } from "../support/faultRun.ts";
import { filesUnder, md5Of } from "../support/killing.ts";

/** All steps with `make test-long`; else so many of each verb, spread over all. */
const LONG = process.env["HOLDFAST_LONG"] === "1";
const SHARE = Number(process.env["HOLDFAST_STEPS"] ?? "3");

const FIRST = `
git init -q -b main
holdfast init -q
mkdir -p data/sub
for name in a b sub/c; do echo "1 $name" > data/$name; done
echo "1 model" > model
holdfast add -q data model
git add . && git commit -q -m one && git tag one
`;
const EDITED = `${FIRST}
rm -f data/a data/b model; echo mine > data/b; echo new > data/new; echo "2 model" > model
`;
const STAGE = `${FIRST}
holdfast stage add -q -n double -d model -o twice "cat model model > twice"
holdfast repro -q
git add . && git commit -q -m two
rm -f model twice; echo "2 model" > model; echo mine > twice
`;

const verbs: Record<string, { readonly args: readonly string[]; readonly prepare: string }> = {
  add: { args: ["add", "data", "model"], prepare: EDITED },
  "checkout over unsaved files": { args: ["checkout", "-f"], prepare: EDITED },
  "remove with its data": { args: ["remove", "--outs", "data.dvc", "model.dvc"], prepare: EDITED },
  move: { args: ["move", "data", "moved"], prepare: FIRST },
  repro: { args: ["repro"], prepare: STAGE },
  "snapshot restore": { args: ["snapshot", "restore", "one"], prepare: `${EDITED}\nholdfast snapshot save -q -m two` },
};

let box: Sandbox;
beforeAll(() => {
  box = new Sandbox();
});
afterAll(() => {
  box.remove();
});

/** What a person sees. */
function workspace(): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const path of filesUnder(box.project)) {
    const name = relative(box.project, path);
    if (/^\.git\/|^\.dvc\/(tmp|cache)\/|\.hftmp/.test(name)) continue;
    seen[name] = lstatSync(path).isSymbolicLink() ? readlinkSync(path) : md5Of(path);
  }
  return seen;
}

/** How many commands can be taken back. */
function known(): number {
  const ran = box.run(["undo", "--list", "--json"]);
  return (JSON.parse(ran.said) as { isUndone: boolean }[]).filter(({ isUndone }) => !isUndone).length;
}

function faultsFor(steps: number): Fault[] {
  const kinds: Omit<Fault, "at">[] = [{ kind: "kill" }, { kind: "power" }, { kind: "power", undo: true }];
  const every = LONG ? 1 : Math.max(1, Math.floor((steps * kinds.length) / SHARE));
  const all = kinds.flatMap((kind) => Array.from({ length: steps }, (_, at) => ({ ...kind, at: at + 1 })));
  return all.filter((_, index) => index % every === every - 1);
}

describe("killed, or without power, at any step: undo brings back what was there before the command", () => {
  it.each(Object.keys(verbs))("%s", { timeout: LONG ? 3_600_000 : 120_000 }, async (name) => {
    const { args, prepare } = verbs[name] as (typeof verbs)[string];
    box.remove();
    box = new Sandbox();
    box.script(prepare);
    box.keep();
    const before = workspace();
    const commands = known();
    const { steps } = await box.faulty(args, { kind: "count", at: 0 });
    expect(known()).toBe(commands + 1);
    for (const fault of faultsFor(steps.length)) {
      box.reset();
      const ran = await box.faulty(args, fault);
      const step = `${JSON.stringify(fault)} before ${ran.steps[fault.at - 1] ?? ""}`;
      // Before the first line of the journal nothing was changed.
      if (known() > commands) {
        const undone = box.run(["undo"]);
        expect([step, undone.code, undone.said]).toEqual([step, 0, expect.anything()]);
      }
      expect([step, workspace()]).toEqual([step, before]);
    }
  });
});
