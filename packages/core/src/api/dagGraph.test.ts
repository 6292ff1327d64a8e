import { describe, expect, it } from "vitest";
import { collapseGroups, type LabelledGraph, narrow } from "./dagGraph.ts";

const graph: LabelledGraph = new Map([
  ["raw.dvc", new Set<string>()],
  ["train@a", new Set(["raw.dvc"])],
  ["train@b", new Set(["raw.dvc", "train@a"])],
  ["report", new Set(["train@a", "train@b"])],
  ["other", new Set<string>()],
]);
const plain = (one: LabelledGraph): unknown =>
  Object.fromEntries([...one].map(([node, needed]) => [node, [...needed]]));

describe("graphs of names", () => {
  it("narrows to what a target needs, or to all around it", () => {
    expect(plain(narrow(graph, ["train@a"], false))).toEqual({ "raw.dvc": [], "train@a": ["raw.dvc"] });
    expect([...narrow(graph, ["train@a"], true).keys()]).toEqual(["raw.dvc", "train@a", "train@b", "report"]);
  });

  it("makes one node of a group, at the end, with the links of all its stages", () => {
    const collapsed = collapseGroups(graph);
    expect([...collapsed.keys()]).toEqual(["raw.dvc", "report", "other", "train"]);
    expect(plain(collapsed)).toMatchObject({ train: ["raw.dvc", "train"], report: ["train"] });
  });
});
