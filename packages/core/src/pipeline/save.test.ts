import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Event } from "../base/events.ts";
import { loadDvcFile, loadProjectFile } from "./load.ts";
import { recordParams } from "./params.ts";
import { removeStage, saveDefinition, saveFrozen, saveStage, saveStages } from "./save.ts";
import type { SaveOptions } from "./save.ts";
import { workspaceSource } from "./source.ts";
import type { Stage } from "./stage.ts";
import { temporaryFolder } from "../../../../tests/support/temporaryFolder.ts";

const A = "5ea6cea1388ac4eb639ebe9dce5d1023";
let root: string;
let said: string[];
let options: SaveOptions;
beforeEach(() => {
  root = temporaryFolder("save-");
  said = [];
  const emit = (event: Event): void => {
    if (event.type === "message") said.push(event.text);
  };
  options = { root, reporter: { emit } };
});
const write = (name: string, text: string): void => {
  writeFileSync(join(root, name), text);
};
const read = (name: string): string => readFileSync(join(root, name), "utf8");
const dvc = (name: string): Stage => loadDvcFile(join(root, name), workspaceSource, { root });
const stages = (): Stage[] => loadProjectFile(join(root, "dvc.yaml"), workspaceSource, { root });
const only = (): Stage => stages()[0] as Stage;

describe("saving a .dvc file", () => {
  it("keeps comments and order, and writes nothing when nothing changed", () => {
    const text = `# about\nouts:\n- md5: ${A}\n  size: 9\n  hash: md5\n  path: data # here\n  desc: d\n`;
    write("data.dvc", text);
    const stage = dvc("data.dvc");
    expect(saveStage(stage, options)).toEqual([]);
    const outs = stage.outs.map((out) => ({
      ...out,
      hash: { name: "md5", value: A.replace("5", "6") } as const,
      meta: { size: 10 },
    }));
    expect(saveStage({ ...stage, outs }, options)).toEqual([join(root, "data.dvc")]);
    expect(read("data.dvc")).toBe(text.replace(A, A.replace("5", "6")).replace("size: 9", "size: 10"));
  });

  it("writes a new one in DVC's order, with all that is known", () => {
    write("x.dvc", `outs:\n- path: x\n`);
    const stage = dvc("x.dvc");
    const outs = stage.outs.map((out) => ({
      ...out,
      hash: { name: "md5", value: `${A}.dir` } as const,
      hashName: "md5" as const,
      meta: { size: 3, nfiles: 2 },
      remote: "r",
      canPush: false,
      useCache: false,
      persist: true,
      annotation: { desc: "d", labels: ["l"] },
    }));
    saveStage({ ...stage, file: join(root, "y.dvc"), outs, desc: "top", meta: { a: 1 } }, options);
    expect(read("y.dvc")).toBe(
      `desc: top\nouts:\n- md5: ${A}.dir\n  size: 3\n  nfiles: 2\n  hash: md5\n  path: x\n  desc: d\n  labels:\n  - l\n` +
        "  cache: false\n  persist: true\n  remote: r\n  push: false\nmeta:\n  a: 1\n",
    );
  });

  it("renews the checksum of an import unless told not to", () => {
    // The md5 of Python's json.dumps of deps and outs without notes and sizes, computed by Python.
    const text = `md5: ${A}\nfrozen: true\ndeps:\n- path: data.txt\n  repo:\n    url: ../src\n    rev_lock: 71c1824813cd518361f9e6e411a6d6baa0bd24a2\nouts:\n- md5: ${A}\n  size: 9\n  hash: md5\n  path: data.txt\n`;
    write("data.txt.dvc", text);
    expect(saveStage(dvc("data.txt.dvc"), { ...options, keepMd5: true })).toEqual([]);
    saveStage(dvc("data.txt.dvc"), options);
    expect(read("data.txt.dvc")).toBe(
      text.replace(`md5: ${A}\nfrozen`, "md5: f70de789ccd541c0aa0da896455e1e64\nfrozen"),
    );
  });
});

const YAML = `# pipeline
stages:
  one:
    cmd: run one
    deps:
    - b
    - a
    params:
    - lr
    outs:
    - o # the output
  two:
    cmd: run two
plots:
- p.csv
`;

describe("saving stages of dvc.yaml", () => {
  it("writes dvc.lock: sorted, params first, others left alone, new ones last", () => {
    write("dvc.yaml", YAML);
    write("dvc.lock", "schema: '2.0'\nstages:\n  two:\n    cmd: old two # kept\n");
    write("params.yaml", "lr: 1.0\nother: 2\n");
    const one = only();
    const deps = one.deps.map((dep) => {
      if (dep.kind === "params") return recordParams(dep, workspaceSource);
      return dep.kind === "file" ? { ...dep, hash: { name: "md5", value: A } as const, meta: { size: 1 } } : dep;
    });
    expect(saveStages([{ ...one, deps }], options)).toEqual([join(root, "dvc.lock")]);
    expect(read("dvc.lock")).toBe(
      "schema: '2.0'\nstages:\n  two:\n    cmd: old two # kept\n  one:\n    cmd: run one\n    deps:\n" +
        `    - path: a\n      hash: md5\n      md5: ${A}\n      size: 1\n    - path: b\n      hash: md5\n      md5: ${A}\n      size: 1\n` +
        "    params:\n      params.yaml:\n        lr: 1.0\n    outs:\n    - path: o\n      hash: md5\n",
    );
    expect(said).toEqual(["Updating lock file 'dvc.lock'"]);
    expect(saveStages([{ ...one, deps }], options)).toEqual([]);
  });

  it("makes a dvc.lock and says so", () => {
    write("dvc.yaml", YAML);
    saveStage(stages()[1] as Stage, options);
    expect(read("dvc.lock")).toBe("schema: '2.0'\nstages:\n  two:\n    cmd: run two\n");
    expect(said).toEqual(["Generating lock file 'dvc.lock'", "Updating lock file 'dvc.lock'"]);
  });

  it("freezes, unfreezes and adds in dvc.yaml, comments kept", () => {
    write("dvc.yaml", YAML);
    saveFrozen(only(), true, options);
    // Dependencies come sorted, as DVC writes them.
    const frozen = YAML.replace("- b\n    - a", "- a\n    - b").replace(
      "- o # the output\n",
      "- o # the output\n    frozen: true\n",
    );
    expect(read("dvc.yaml")).toBe(frozen);
    saveFrozen(only(), false, options);
    expect(read("dvc.yaml")).toBe(frozen.replace("    frozen: true\n", ""));
    saveDefinition({ ...(stages()[1] as Stage), name: "three", desc: "new" }, options);
    expect(read("dvc.yaml")).toContain("  three:\n    desc: new\n    cmd: run two\nplots:");
    expect(said).toEqual([
      "Modifying stage 'one' in 'dvc.yaml'",
      "Modifying stage 'one' in 'dvc.yaml'",
      "Adding stage 'three' in 'dvc.yaml'",
    ]);
  });

  it("refuses to write or remove a stage with templates", () => {
    write("dvc.yaml", "vars: [{a: 1}]\nstages:\n  t:\n    cmd: run ${a}\n");
    expect(() => saveFrozen(only(), true, options)).toThrow("cannot dump a parametrized stage: 't'");
    expect(() => removeStage(only(), options)).toThrow("cannot remove a parametrized stage: 't'");
  });

  it("removes stages; a file in which nothing is left goes too", () => {
    write("dvc.yaml", "stages:\n  one:\n    cmd: a\n  two:\n    cmd: b\n");
    saveStages(stages(), options);
    const [one, two] = stages() as [Stage, Stage];
    expect(removeStage(one, options)).toEqual([join(root, "dvc.lock"), join(root, "dvc.yaml")]);
    expect(read("dvc.yaml")).toBe("stages:\n  two:\n    cmd: b\n");
    expect(read("dvc.lock")).toBe("schema: '2.0'\nstages:\n  two:\n    cmd: b\n");
    removeStage(two, options);
    expect([existsSync(join(root, "dvc.yaml")), existsSync(join(root, "dvc.lock"))]).toEqual([false, false]);
  });

  it("keeps what else a dvc.yaml holds when its last stage goes", () => {
    write("dvc.yaml", "stages:\n  one:\n    cmd: a\nplots:\n- p.csv\n");
    removeStage(only(), options);
    expect(read("dvc.yaml")).toBe("plots:\n- p.csv\n");
  });
});

describe("recordParams", () => {
  it("names what is missing", () => {
    write("dvc.yaml", "stages:\n  s:\n    cmd: x\n    params: [a, no.such, l.1]\n");
    const record = (): unknown =>
      only().deps.map((dep) => (dep.kind === "params" ? recordParams(dep, workspaceSource).locked : undefined));
    expect(record).toThrow("dependency 'params.yaml' does not exist");
    write("params.yaml", "a: 1\nl: [x, {y: 1}]\n");
    expect(record).toThrow("Parameters 'no.such' are missing from 'params.yaml'.");
    write("params.yaml", "a: 1\nl: [x, {y: 1}]\nno: {such: null}\n");
    expect(record()).toEqual([{ a: 1, "no.such": null, "l.1": { y: 1 } }]);
  });
});
