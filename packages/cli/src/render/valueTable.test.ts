import { describe, expect, it } from "vitest";
import { painted } from "./colour.ts";
import { directionOf } from "./direction.ts";
import { diffTable, metricsTable } from "./valueTable.ts";
import { visible } from "./visible.ts";

const options = {
  title: "Metric",
  older: "HEAD",
  newer: "workspace",
  withPath: true,
  withChange: true,
  markdown: false,
};
const files = [{ path: "m.json", changes: [{ key: "acc", old: 0.5, new: 0.75, diff: 0.25 }] }];

describe("diffTable", () => {
  it("is empty without rows, but for its head in Markdown", () => {
    expect(diffTable([], options)).toBe("");
    expect(diffTable([], { ...options, withPath: false, withChange: false, markdown: true })).toBe(
      "| Metric   | HEAD   | workspace   |\n|----------|--------|-------------|\n",
    );
  });

  it("paints what got better on a terminal only", () => {
    expect(diffTable(files, options)).toBe(
      "Path    Metric    HEAD    workspace    Change\nm.json  acc       0.5     0.75         0.25",
    );
    expect(visible(diffTable(files, { ...options, paint: painted })).split("\n")[1]).toBe(
      "m.json  acc       0.5     0.75         \x1b[32m0.25\x1b[39m",
    );
  });
});

describe("metricsTable", () => {
  it("has a row for a file that failed, and one line for each line of a text", () => {
    const revisions = [
      {
        name: "v1",
        files: [
          { path: "a", data: { note: " one\ntwo\n", é: 0.123456 } },
          { path: "b", error: { type: "E", msg: "m" } },
        ],
      },
      { name: "v2", error: { type: "E", msg: "m" } },
    ];
    expect(metricsTable(revisions, { withRevisions: true, markdown: false, precision: 3 })).toBe(
      "Revision    Path    note    é\nv1          a       one     0.123\n                    two\nv1          b       -       -",
    );
  });
});

describe("directionOf", () => {
  it("goes by the words of the name", () => {
    expect(directionOf("train.loss", 2, 1)).toBe("better");
    expect(directionOf("valAccuracy", 2, 1)).toBe("worse");
    expect(directionOf("steps", 1, 2)).toBe("unknown");
    expect(directionOf("acc", null, 2)).toBe("unknown");
  });
});
