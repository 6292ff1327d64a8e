import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeProject, type ProjectFixture } from "../../../../tests/support/project.ts";
import { addDataset, updateDataset } from "./dataset.ts";
import { repro } from "./repro.ts";
import { status } from "./status.ts";

let here: ProjectFixture;
let there: ProjectFixture;
let commit: string;

const read = (name: string): string => readFileSync(join(here.root, name), "utf8");

async function run<T>(work: (repo: ReturnType<ProjectFixture["open"]>) => Promise<T>): Promise<T> {
  const repo = here.open();
  try {
    return await work(repo);
  } finally {
    repo.close();
  }
}

function publish(text: string): string {
  there.put("data.txt", text);
  there.git("add", "-A");
  there.git("commit", "-q", "-m", text);
  return there.git("rev-parse", "HEAD");
}

beforeEach(() => {
  here = makeProject();
  there = makeProject({ noProject: true });
  commit = publish("one");
  there.git("tag", "v1");
});

afterEach(() => {
  here.remove();
  there.remove();
});

describe("data sets of repositories", () => {
  it("are written to dvc.yaml and dvc.lock as DVC writes them", async () => {
    await run((repo) => addDataset(repo, "d1", { dvc: there.root, path: "data.txt" }));
    await run((repo) => addDataset(repo, "d2", { dvc: there.root, rev: "v1" }));
    const url = there.root;
    expect(read("dvc.yaml")).toBe(
      `datasets:\n- name: d1\n  url: ${url}\n  type: dvc\n  path: data.txt\n- name: d2\n  url: ${url}\n  type: dvc\n  rev: v1\n`,
    );
    expect(read("dvc.lock")).toBe(
      `schema: '2.0'\ndatasets:\n- name: d1\n  url: ${url}\n  type: dvc\n  path: data.txt\n  rev_lock: ${commit}\n` +
        `- name: d2\n  url: ${url}\n  type: dvc\n  rev: v1\n  rev_lock: ${commit}\nstages: {}\n`,
    );
    await expect(run((repo) => addDataset(repo, "d1", { dvc: url }))).rejects.toThrow(
      "d1 already exists in dvc.yaml, use the --force to overwrite",
    );
  });

  it("move when they are updated, and not before", async () => {
    await run((repo) => addDataset(repo, "d1", { dvc: there.root }));
    here.put("dvc.yaml", `# kept\n${read("dvc.yaml")}`);
    expect((await run((repo) => updateDataset(repo, "d1"))).isChanged).toBe(false);
    const second = publish("two");
    const moved = await run((repo) => updateDataset(repo, "d1"));
    expect([moved.isChanged, moved.before?.["rev_lock"], moved.lock["rev_lock"]]).toEqual([true, commit, second]);
    await run((repo) => updateDataset(repo, "d1", { rev: "v1" }));
    expect(read("dvc.yaml")).toBe(`# kept\ndatasets:\n- name: d1\n  url: ${there.root}\n  type: dvc\n  rev: v1\n`);
    expect(read("dvc.lock")).toContain(`rev_lock: ${commit}`);
  });

  it("are dependencies of stages: status and repro follow them", async () => {
    await run((repo) => addDataset(repo, "d1", { dvc: there.root, rev: "HEAD" }));
    here.put(
      "dvc.yaml",
      `${read("dvc.yaml")}stages:\n  a:\n    cmd: echo hi > out\n    deps: [ds://d1]\n    outs: [out]\n`,
    );
    const states = async (): Promise<unknown> => {
      const found = await run((repo) => status(repo, []));
      return found.kind === "workspace" ? (found.status as Record<string, unknown>)["a"] : found;
    };
    expect(await states()).toEqual([{ "changed deps": { "ds://d1": "new" } }, { "changed outs": { out: "deleted" } }]);
    await run((repo) => repro(repo, []));
    expect(read("dvc.lock")).toContain(
      `    deps:\n    - path: ds://d1\n      dataset:\n        name: d1\n        url: ${there.root}\n        type: dvc\n        rev: HEAD\n        rev_lock: ${commit}\n`,
    );
    expect(await states()).toBeUndefined();
    publish("two");
    expect(await states()).toBeUndefined();
    await run((repo) => updateDataset(repo, "d1"));
    expect(await states()).toEqual([{ "changed deps": { "ds://d1": "modified" } }]);
    here.put("dvc.yaml", read("dvc.yaml").replace("rev: HEAD", "rev: v1"));
    expect(await states()).toEqual([{ "changed deps": { "ds://d1": "not in sync" } }]);
    await expect(run((repo) => repro(repo, []))).rejects.toMatchObject({
      cause: { message: "Dataset information is not in sync. Run 'dvc ds update d1' to sync." },
    });
    // It failed before anything was removed.
    expect(existsSync(join(here.root, "out"))).toBe(true);
    here.put("dvc.yaml", read("dvc.yaml").replace("ds://d1", "ds://zz"));
    await expect(states()).rejects.toMatchObject({ message: "dataset not found", cause: "'zz'" });
  });

  it("fail in DVC's words", async () => {
    await run((repo) => addDataset(repo, "cats", { dvc: there.root }));
    const before = read("dvc.lock");
    await expect(run((repo) => updateDataset(repo, "cat"))).rejects.toMatchObject({
      message: "dataset not found",
      hint: "did you mean? cats",
    });
    await expect(run((repo) => updateDataset(repo, "cats", { rev: "v9" }))).rejects.toThrow(
      "unknown Git revision 'v9'",
    );
    await expect(run((repo) => addDataset(repo, "x", { url: "data.txt", rev: "v1" }))).rejects.toThrow(
      "--rev can't be used without --dvc",
    );
    await expect(run((repo) => addDataset(repo, "x", { url: "data.txt" }))).rejects.toThrow("keeps no versions");
    await expect(run((repo) => addDataset(repo, "x", { dc: "cats" }))).rejects.toThrow("datachain is not installed");
    here.put("dvc.yaml", `vars:\n- u: ${there.root}\n${read("dvc.yaml").replace(there.root, "${u}")}`);
    await expect(run((repo) => updateDataset(repo, "cats", { rev: "v1" }))).rejects.toThrow(
      "cannot update a parametrized dataset entry",
    );
    expect(read("dvc.lock")).toBe(before);
  });
});
