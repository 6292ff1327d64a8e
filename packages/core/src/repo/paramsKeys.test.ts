import { describe, expect, it } from "vitest";
import { selectNested } from "./paramsKeys.ts";

const data = { lr: 1, model: { depth: 3, kind: "cnn" }, l: [1, 2, { x: 3 }], l2: 5 };

describe("selectNested", () => {
  it("keeps the nesting and leaves out what is not there", () => {
    expect(selectNested(data, ["model.depth", "lr", "none", "lr.x"])).toEqual({ model: { depth: 3 }, lr: 1 });
    expect(selectNested(data, ["model.depth", "model.kind"])).toEqual({ model: data.model });
  });

  it("takes indices and patterns; lists named twice are joined, as DVC does", () => {
    expect(selectNested(data, ["l.1"])).toEqual({ l: [null, 2] });
    expect(selectNested({ l: [1, 3] }, ["l.1", "l.*"])).toEqual({ l: [null, 3, 1, 3] });
    expect(selectNested(data, ["?2"])).toEqual({ l2: 5 });
    expect(selectNested(data, ["[!l]*.d*h"])).toEqual({ model: { depth: 3 } });
    expect(selectNested(data, ["l.[2-4].x"])).toEqual({ l: [null, null, { x: 3 }] });
  });

  it("keeps __proto__ a key like any other", () => {
    const hostile = JSON.parse('{"__proto__": {"x": 1}}') as unknown;
    const found = selectNested(hostile, ["__proto__.x"]) as Record<string, unknown>;
    expect(Object.keys(found)).toEqual(["__proto__"]);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});
