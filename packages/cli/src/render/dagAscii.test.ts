import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { drawAscii } from "./dagAscii.ts";
import { dagAscii, dagDot, dagMermaid } from "./dagText.ts";

interface Recorded {
  readonly graphs: readonly {
    readonly name: string;
    readonly nodes: readonly string[];
    readonly edges: readonly (readonly [string, string])[];
    readonly ascii: readonly string[];
  }[];
}
const recorded = JSON.parse(
  readFileSync(new URL("../../../../tests/fixtures/dag/ascii.json", import.meta.url), "utf8"),
) as Recorded;

describe("drawAscii", () => {
  it.each(recorded.graphs)("draws $name as DVC does", ({ nodes, edges, ascii }) => {
    const drawn = dagAscii({ nodes, edges: edges.map(([from, to]) => ({ from, to })) });
    expect(drawn.split("\n")).toEqual(ascii);
  });

  it("draws a circle, which collapsed groups may form, and leaves out edges to themselves", () => {
    const drawn = drawAscii(
      ["a", "b"],
      [
        [0, 1],
        [1, 0],
        [1, 1],
      ],
    );
    expect(drawn.split("\n")[1]).toContain("| a |");
    expect(drawn.split("\n").at(-2)).toContain("| b |");
  });

  it("draws a thousand stages in a row, and a thousand side by side", () => {
    const names = Array.from({ length: 1000 }, (_, at) => `s${String(at)}`);
    expect(
      drawAscii(
        names,
        names.slice(1).map((_, at) => [at, at + 1] as const),
      ).split("\n"),
    ).toHaveLength(5997);
    expect(
      drawAscii(
        names,
        names.slice(1).map((_, at) => [0, at + 1] as const),
      ).split("\n"),
    ).toHaveLength(9);
  });
});

const two = {
  nodes: ["b", "a:x", "c", "lone"],
  edges: [
    { from: "a:x", to: "b" },
    { from: "b", to: "c" },
    { from: "a:x", to: "c" },
  ],
};

describe("dagDot and dagMermaid", () => {
  it("writes nodes, then edges by the places of their ends", () => {
    expect(dagDot(two)).toBe(
      'strict digraph {\n"b";\n"a:x";\n"c";\n"lone";\n"b" -> "c";\n"a:x" -> "b";\n"a:x" -> "c";\n}\n',
    );
    expect(dagDot({ nodes: ["a"], edges: [{ from: "a", to: "a" }] })).toBe('digraph {\n"a";\n"a" -> "a";\n}\n');
  });

  it("sorts each part by name", () => {
    expect(dagMermaid(two, true)).toBe(
      '```mermaid\nflowchart TD\n\tnode1["a:x"]\n\tnode2["b"]\n\tnode3["c"]\n\tnode1-->node2\n\tnode1-->node3\n\tnode2-->node3\n\tnode4["lone"]\n```',
    );
  });
});
