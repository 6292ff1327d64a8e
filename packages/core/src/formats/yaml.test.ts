import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "../base/errors.ts";
import { PyFloat } from "./pyValues.ts";
import { dumpYaml, parseAnyYaml, parseYaml, updateYaml } from "./yaml.ts";
import { parsePlainYaml } from "./yamlFast.ts";

const DVC_FILE =
  "outs:\n- md5: 5ea6cea1388ac4eb639ebe9dce5d1023.dir\n  size: 9\n  nfiles: 4\n  hash: md5\n  path: data\n";

describe("the short cut", () => {
  test("takes what DVC writes", () => {
    expect(parsePlainYaml(DVC_FILE)).toEqual(parseAnyYaml(DVC_FILE));
    expect(parsePlainYaml("schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps:\n    - path: y\n")).toBeDefined();
  });

  test.each([
    "a: b\n\n",
    "a: b # c\n",
    "a: 'it''s'\n",
    "a: [b]\n",
    "a: b\n c\n",
    "a: b\na: c\n",
    "- a: b\n   c: d\n",
    "a: |\n  x\n",
    "--- a\n",
    "a:\r\n  b\r\n",
    "a: &x b\n",
    "a: b: c\n",
    "a: é\n",
    "",
  ])("leaves %j to the full reader", (text) => {
    expect(parsePlainYaml(text)).toBeUndefined();
  });

  test("agrees with the full reader on all it takes", () => {
    const piece = fc.constantFrom(
      "a",
      "b:",
      " ",
      "\n",
      "  ",
      "- ",
      "1",
      "1.0",
      "true",
      "'x'",
      ": ",
      "#",
      "\n  ",
      "\n- ",
      "x/y.z",
      "null",
      "\na: ",
      "\n  b: ",
      "'",
      "~",
      "-",
    );
    let taken = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join("");
        const fast = parsePlainYaml(text);
        if (fast === undefined) return;
        taken++;
        expect(parseAnyYaml(text)).toEqual(fast);
      }),
      { numRuns: 5000, seed: 1 },
    );
    expect(taken).toBeGreaterThan(50);
  });
});

describe("values", () => {
  test("follow YAML 1.2", () => {
    const text = "[yes, 010, 0o10, 1_000, 1e3, 1:30, 2020-01-01, ~, .5, 123456789012345678901]";
    expect(parseYaml(text, "x")).toMatchObject([
      "yes",
      10,
      8,
      1000,
      new PyFloat(1000),
      "1:30",
      { text: "2020-01-01" },
      null,
      0.5,
      123456789012345678901n,
    ]);
  });

  test("written and read again are the same", () => {
    const leaf = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    const key = fc.string({ minLength: 1, maxLength: 20 });
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("node"), { maxLength: 4 }),
        fc.dictionary(key, tie("node"), { maxKeys: 4 }),
      ),
    })).node;
    fc.assert(
      fc.property(fc.dictionary(key, tree, { minKeys: 1 }), (value) => {
        expect(parseYaml(dumpYaml(value), "x")).toEqual({ ...value });
      }),
      { numRuns: 500, seed: 2 },
    );
  });

  test("long texts with escapes, and folded ones with blanks at the ends of lines, keep every blank", () => {
    const words = fc.array(fc.constantFrom("a", "--flag", '"', "\\", "'", "\t", "é", ":", " ", "  ", "{x", "\n"), {
      minLength: 30,
      maxLength: 80,
    });
    fc.assert(
      fc.property(words, fc.boolean(), (parts, spaced) => {
        const text = parts.join(spaced ? " " : "");
        expect(parseYaml(dumpYaml({ cmd: text }), "x")).toEqual({ cmd: text });
        const folded = `cmd: >-\n  ${text.replaceAll("\n", "\n  ")}\n`;
        let value: unknown;
        try {
          value = parseYaml(folded, "x");
        } catch {
          return;
        }
        expect(parseYaml(updateYaml(folded, value, "x"), "x")).toEqual(value);
      }),
      { numRuns: 2000, seed: 7 },
    );
    expect(parseYaml(updateYaml("- ? !\n- b\n", parseYaml("- ? !\n- b\n", "x"), "x"), "x")).toEqual([
      { "": null },
      "b",
    ]);
  });

  test("named __proto__ stay data", () => {
    const value = parseYaml("__proto__:\n  polluted: true\n", "x") as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("hostile input is refused", () => {
  test("aliases that multiply", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let level = 1; level < 10; level++) {
      lines.push(
        `a${String(level)}: &a${String(level)} [${Array(10)
          .fill(`*a${String(level - 1)}`)
          .join(", ")}]`,
      );
    }
    expect(() => parseYaml(`${lines.join("\n")}\n`, "x")).toThrow(/[Aa]liases expand to too many values/);
  });

  test.each([["[".repeat(100_000)], ["- ".repeat(100_000)], ["{a: ".repeat(5000)]])("nesting without end", (text) => {
    expect(() => parseYaml(text, "x")).toThrow(FormatError);
  });

  test("with line and column", () => {
    let error: unknown;
    try {
      parseYaml("a: 1\nb: [c\nd: e\n", "./x.dvc");
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ file: "./x.dvc", line: 3, column: 2, code: "format" });
  });
});

describe("updates", () => {
  test("keep comments and touch nothing else", () => {
    const before = "# head\nouts:\n- md5: aaa # note\n  path: 'x'\n\n# tail\nmeta: {a: [1, 2]}\n";
    const after = updateYaml(before, { outs: [{ md5: "bbb", path: "x", size: 3 }], meta: { a: [1, 2] } }, "x");
    expect(after).toBe("# head\nouts:\n- md5: bbb # note\n  path: x\n\n# tail\n  size: 3\nmeta: {a: [1, 2]}\n");
  });

  test("keep folded lines that begin with a tab", () => {
    const before = "a: >-\n  \tx\n  y\nb: 1\n";
    const { a } = parseYaml(before, "f") as { a: string };
    expect(parseYaml(updateYaml(before, { a, b: 2 }, "f"), "f")).toEqual({ a: "\tx\ny", b: 2 });
  });

  test("are refused where nobody could read the result", () => {
    const before = "- ;>-\n  x\n  y@\n- ? .\n \n- ? .\n  :  : v~\n";
    expect(() => updateYaml(before, parseYaml(before, "f"), "f")).toThrow(/cannot be kept/);
  });

  test("of an empty text write anew", () => {
    expect(updateYaml("", { a: 1 }, "x")).toBe("a: 1\n");
  });
});

// DVC breaks the line behind them, and all but one are lost.
test.each([2, 3, 7])("runs of %d spaces in long commands are read back as they were", (length) => {
  for (let start = 0; start < 12; start++) {
    const cmd = "x".repeat(start + 1) + `\\${" ".repeat(length)}word of this`.repeat(20);
    expect(parseYaml(dumpYaml({ stages: { a: { cmd } } }), "f")).toEqual({ stages: { a: { cmd } } });
  }
});

// DVC breaks such a key over two lines, which neither it nor we can read.
test.each([90, 127, 128, 200])("a key of %d characters is read back as it was", (length) => {
  const key = "word ".repeat(40).slice(0, length - 1) + "x";
  const value = { [key]: 1, stages: { a: { [key]: { b: [key] } } } };
  expect(parseYaml(dumpYaml(value), "f")).toEqual(value);
});
