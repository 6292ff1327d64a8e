import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import type { Event } from "../base/events.ts";
import { repro, type ReproOptions, type ReproResult } from "./repro.ts";

let project: ProjectFixture;
let events: Event[];
beforeEach(() => {
  project = makeProject();
  events = [];
});
afterEach(() => {
  project.remove();
});

const run = async (options: ReproOptions, targets: readonly string[] = []): Promise<ReproResult> => {
  events = [];
  const reporter = { emit: (event: Event): void => void events.push(event) };
  const repo = project.open({ reporter });
  try {
    return await repro(repo, targets, { ...options, reporter });
  } finally {
    repo.close();
  }
};
const text = (name: string): string => readFileSync(join(project.root, name), "utf8");
const states = (): string[] =>
  events.flatMap((event) => (event.type === "stage" ? [`${event.stage} ${event.state}`] : []));

/** A stage that waits for the file `go-NAME`, then copies. The test makes the files in the order it likes. */
const waiting = (name: string, dep: string, more = ""): string =>
  `  ${name}: {cmd: 'until [ -e go-${name} ]; do sleep 0.01; done; cp ${dep} ${name}.o', deps: [${dep}], outs: [${name}.o]${more}}\n`;

/** Resolves when the stages are running at once. */
async function running(names: readonly string[]): Promise<void> {
  const at = (): string[] => {
    const now = new Set<string>();
    for (const event of events) {
      if (event.type !== "stage") continue;
      if (event.state === "running") now.add(event.stage);
      else now.delete(event.stage);
    }
    return [...now].sort();
  };
  await expect.poll(at, { timeout: 20_000, interval: 10 }).toEqual([...names].sort());
}

const settled = async (name: string): Promise<void> => {
  await expect.poll(states, { timeout: 20_000, interval: 10 }).toContain(`${name} done`);
};

describe("repro side by side", () => {
  it("runs independent stages at once; dvc.lock and .gitignore are those of a run one by one, whatever ends first", async () => {
    const yaml = `stages:\n${waiting("last", "b.o")}${waiting("b", "in")}${waiting("c", "in")}${waiting("a", "in")}`;
    project.put("in", "1\n");
    project.put("dvc.yaml", yaml);
    const whole = run({ jobs: 3 });
    await running(["a", "b", "c"]);
    for (const name of ["c", "a", "b"]) {
      project.put(`go-${name}`, "");
      await settled(name);
    }
    await running(["last"]);
    project.put("go-last", "");
    expect((await whole).reproduced).toEqual(["b", "last", "c", "a"]);
    const together = { lock: text("dvc.lock"), ignored: text(".gitignore") };
    expect(together.ignored).toBe("/b.o\n/last.o\n/c.o\n/a.o\n");
    const other = makeProject();
    try {
      for (const name of ["in", "dvc.yaml", "go-a", "go-b", "go-c", "go-last"]) other.put(name, text(name));
      await repro(other.open());
      expect(readFileSync(join(other.root, "dvc.lock"), "utf8")).toBe(together.lock);
      expect(readFileSync(join(other.root, ".gitignore"), "utf8")).toBe(together.ignored);
    } finally {
      other.remove();
    }
  });

  it("says what each stage does, hands on whole lines, and keeps a log of the last runs", async () => {
    project.put("in", "1\n");
    project.put(
      "dvc.yaml",
      `stages:\n  a: {cmd: 'printf one; echo two >&2; printf " more"; cp in a.o', deps: [in], outs: [a.o]}\n  b: {cmd: cp in b.o, deps: [in], outs: [b.o]}\n`,
    );
    await run({ jobs: 2 });
    expect(events.filter((event) => event.type === "output")).toEqual(
      expect.arrayContaining([
        { type: "output", stage: "a", stream: "stdout", text: "one more" },
        { type: "output", stage: "a", stream: "stderr", text: "two" },
      ]),
    );
    expect(events[0]).toEqual({ type: "stages", stages: ["a", "b"] });
    expect(states().sort()).toEqual(["a done", "a running", "b done", "b running"]);
    const [only] = readdirSync(join(project.root, ".dvc/tmp/repro"));
    expect(text(`.dvc/tmp/repro/${only ?? ""}/001-a.log`)).toContain("one more\n");
    for (let day = 10; day < 25; day++)
      mkdirSync(join(project.root, `.dvc/tmp/repro/200001${String(day)}T000000000Z-1`));
    await run({ jobs: 2 });
    expect(states().sort()).toEqual(["a skipped", "b skipped"]);
    expect(readdirSync(join(project.root, ".dvc/tmp/repro"))).toHaveLength(10);
    project.put("in", "2\n");
    await run({ jobs: 2 });
    project.put("in", "1\n");
    await run({ jobs: 2 });
    expect(states().sort()).toEqual(["a restored", "b restored"]);
  });

  it("begins nothing after a failure, but records what was under way", async () => {
    project.put("in", "1\n");
    const bad = "  bad: {cmd: 'until [ -e go-bad ]; do sleep 0.01; done; exit 3', deps: [in], outs: [bad.o]}\n";
    project.put("dvc.yaml", `stages:\n${bad}${waiting("a", "in")}${waiting("b", "in")}`);
    const whole = run({ jobs: 2 });
    await running(["a", "bad"]);
    project.put("go-bad", "");
    await expect.poll(states, { timeout: 20_000 }).toContain("bad failed");
    project.put("go-a", "");
    await expect(whole).rejects.toMatchObject({
      message: "failed to reproduce 'bad'",
      hint: "Not run because of that: 'b'.",
      cause: { message: "failed to run: until [ -e go-bad ]; do sleep 0.01; done; exit 3, exited with 3" },
    });
    expect(states()).toContain("b dropped");
    expect(text("dvc.lock")).toContain("a.o");
  });

  it("goes on with what needs no failed stage with keep-going", async () => {
    project.put("in", "1\n");
    project.put(
      "dvc.yaml",
      "stages:\n  bad: {cmd: exit 1, deps: [in], outs: [bad.o]}\n  after: {cmd: cp bad.o x, deps: [bad.o], outs: [x]}\n  ok: {cmd: cp in ok.o, deps: [in], outs: [ok.o]}\n",
    );
    await expect(run({ jobs: 2, onError: "keep-going" })).rejects.toMatchObject({
      message: "failed to reproduce 'bad'",
      hint: "Not run because of that: 'after'.",
    });
    expect(existsSync(join(project.root, "ok.o"))).toBe(true);
    project.put("bad.o", "by hand\n");
    project.put("dvc.yaml", text("dvc.yaml").replace("exit 1", "echo x > bad.o; exit 1"));
    expect((await run({ jobs: 2, onError: "ignore" })).reproduced).toEqual(["after"]);
  });

  it("never runs a reader beside its writer, in whatever order they are asked for", async () => {
    project.put("in", "1\n");
    project.put("a.o", "old\n");
    project.put("dvc.yaml", `stages:\n${waiting("b", "a.o")}${waiting("a", "in")}`);
    const whole = run({ jobs: 2, singleItem: true }, ["b", "a"]);
    await running(["b"]);
    project.put("go-b", "");
    await running(["a"]);
    project.put("go-a", "");
    expect((await whole).reproduced).toEqual(["b", "a"]);
    expect(text("b.o")).toBe("old\n");
  });

  it("keeps stages with a common mutex apart", async () => {
    project.put("in", "1\n");
    const gpu = ", meta: {holdfast: {mutex: gpu}}";
    project.put("dvc.yaml", `stages:\n${waiting("a", "in", gpu)}${waiting("b", "in", gpu)}${waiting("c", "in")}`);
    const whole = run({ jobs: 4 });
    await running(["a", "c"]);
    project.put("go-a", "");
    await running(["b", "c"]);
    project.put("go-b", "");
    project.put("go-c", "");
    await whole;
  });

  it("takes the number of jobs from the config, too, and frees the lock while commands run", async () => {
    project.put(".dvc/config", "[feature]\n    repro_jobs = 2\n");
    project.put("in", "1\n");
    const probe = "until flock -n .dvc/tmp/lock true; do sleep 0.01; done";
    project.put(
      "dvc.yaml",
      `stages:\n  a: {cmd: '${probe}; cp in a.o', deps: [in], outs: [a.o]}\n  b: {cmd: '${probe}; cp in b.o', deps: [in], outs: [b.o]}\n`,
    );
    expect((await run({})).reproduced).toEqual(["a", "b"]);
    expect(states()).toContain("a running");
    expect(existsSync(join(project.root, ".dvc/tmp/rwlock"))).toBe(false);
  });
});
