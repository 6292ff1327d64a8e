import { describe, expect, it } from "vitest";
import { ancestors, checkGraph, checkStage, components, descendants, topologicalOrder } from "./graph.ts";
import type { StageGraph } from "./graph.ts";
import { loadDvcFile } from "./load.ts";
import type { Stage } from "./stage.ts";
import { messageOf, project, ROOT, stagesOf } from "./testProject.ts";

const view = { root: ROOT };
const yaml = (stages: Record<string, { deps?: string[]; outs?: string[] }>): Stage[] =>
  stagesOf({
    "dvc.yaml": `stages: ${JSON.stringify(Object.fromEntries(Object.entries(stages).map(([name, one]) => [name, { cmd: name, ...one }])))}`,
  });
const dvc = (name: string, path: string): Stage =>
  loadDvcFile(`${ROOT}/${name}`, project({ [name]: `outs:\n- path: ${path}\n` }), view);
const names = (stages: readonly Stage[]): unknown[] => stages.map((one) => one.name);

describe("checkGraph", () => {
  it("refuses outputs that two stages write", () => {
    expect(messageOf(() => checkGraph([...yaml({ a: { outs: ["x"] } }), dvc("x.dvc", "x")], view))).toBe(
      "output 'x' is specified in:\n\t- x.dvc\n\t- a\nUse `dvc remove` with any of the above targets to stop tracking the overlapping output.",
    );
  });

  it("refuses outputs within each other, whichever comes first", () => {
    const text =
      "The output paths:\n'e'('s1')\n'e/f'('e2.dvc')\noverlap and are thus in the same tracked directory.\n" +
      "To keep reproducibility, outputs should be in separate tracked directories or tracked individually.";
    const stages = [...yaml({ s1: { outs: ["e"] } }), dvc("e2.dvc", "e/f")];
    expect(messageOf(() => checkGraph(stages, view))).toBe(text);
    expect(messageOf(() => checkGraph([...stages].reverse(), view))).toBe(text);
    expect(messageOf(() => checkGraph(yaml({ a: { outs: ["ab"] }, b: { outs: ["a"] } }), view))).toContain("nothing");
  });

  it("refuses a .dvc file inside an output", () => {
    const stages = [dvc("e/z.dvc", "../q"), ...yaml({ a: { outs: ["e"] } })];
    expect(messageOf(() => checkGraph(stages, { root: ROOT, cwd: `${ROOT}/e` }))).toBe(
      "stage: 'z.dvc' is within an output '.' of another stage",
    );
  });

  it("refuses cycles, also through folders", () => {
    const stages = yaml({ s1: { deps: ["d/x"], outs: ["a"] }, s2: { deps: ["a"], outs: ["d"] } });
    expect(messageOf(() => checkGraph(stages, view))).toBe(
      "Same item(s) are defined as both a dependency and an output in stages: s1, s2.",
    );
    expect(messageOf(() => checkGraph(yaml({ s: { deps: ["a/b"], outs: ["a"] } }), view))).toContain("in stage: s.");
  });

  it("takes ten thousand stages in a chain", () => {
    const [one] = yaml({ s: { deps: ["d"], outs: ["o"] } }) as [Stage];
    const at = (i: number): string => `${ROOT}/f${String(i)}`;
    const all = Array.from({ length: 10_000 }, (_, i) => ({
      ...one,
      name: `s${String(i)}`,
      deps: one.deps.map((dep) => ({ ...dep, path: at(i + 1) })),
      outs: one.outs.map((out) => ({ ...out, path: at(i) })),
    }));
    const started = performance.now();
    const order = topologicalOrder(checkGraph(all, view));
    expect(order[0]?.name).toBe("s9999");
    // Linear: some 50 ms; a look at every pair would take minutes.
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("walking", () => {
  const all = yaml({
    last: { deps: ["b", "dir"], outs: ["c"] },
    mid: { deps: ["a"], outs: ["b"] },
    first: { outs: ["a"] },
    inside: { outs: ["dir/x"] },
    alone: { outs: ["z"] },
  });
  const graph: StageGraph = checkGraph(all, view);
  const at = (name: string): Stage => all.find((one) => one.name === name) ?? (all[0] as Stage);

  it("orders stages after what they need", () => {
    expect(names(topologicalOrder(graph))).toEqual(["first", "mid", "inside", "last", "alone"]);
    expect(names(ancestors(graph, [at("mid")]))).toEqual(["first", "mid"]);
    expect(names(descendants(graph, [at("first")]))).toEqual(["first", "mid", "last"]);
    expect(names(graph.downstream(at("inside")))).toEqual(["last"]);
  });

  it("finds what is connected", () => {
    expect(components(graph).map(names)).toEqual([["last", "mid", "first", "inside"], ["alone"]]);
  });
});

describe("checkStage", () => {
  it("refuses a path in two roles, or twice", () => {
    const stage = (deps: string[], outs: string[]): string =>
      messageOf(() => yaml({ s: { deps, outs } }).forEach(checkStage));
    expect(stage(["q"], ["./q"])).toBe("'/repo/q' is specified as an output and as a dependency.");
    expect(stage(["q", "a/../q"], [])).toBe("file '/repo/q' is specified more than once.");
  });
});
