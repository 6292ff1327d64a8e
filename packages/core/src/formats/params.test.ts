import { describe, expect, it } from "vitest";
import { parseParams } from "./params.ts";
import { pyRepr } from "./pyValues.ts";

const shown = (text: string, file: string): string => pyRepr(parseParams(text, file));

describe("parseParams", () => {
  it("keeps floats and large integers apart in every format", () => {
    expect(
      shown('{"a": 1.0, "b": 1, "c": 12345678901234567890, "d": 1e3, "e": NaN, "f": [-0.5, null]}', "p.json"),
    ).toBe("{'a': 1.0, 'b': 1, 'c': 12345678901234567890, 'd': 1000.0, 'e': nan, 'f': [-0.5, None]}");
    expect(shown("a = 1.0\nb = 1\n[t]\nc = [1, 2]\nd = 2020-01-02\n", "p.toml")).toContain(
      "'a': 1.0, 'b': 1, 't': {'c': [1, 2]",
    );
    expect(shown("a: 1.0\nb: 1\n", "p.yaml")).toBe("{'a': 1.0, 'b': 1}");
    expect(shown("", "p.unknown")).toBe("{}");
  });

  it("keeps __proto__ a key like any other", () => {
    const value = parseParams('{"__proto__": {"x": 1}, "a": 1.0}', "p.json") as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(["__proto__", "a"]);
    expect((value as { x?: unknown }).x).toBeUndefined();
  });

  it("tells what the YAML reader of DVC says, with the place", () => {
    const long = `${"k".repeat(46)}: b: ${"c".repeat(60)}\n`;
    const said = (text: string): string => {
      try {
        parseParams(text, "p.yaml");
      } catch (error) {
        const { message, cause } = error as Error;
        return cause instanceof Error ? cause.message : message;
      }
      return "";
    };
    expect(said("<<<<<<< HEAD\na: 1\n")).toBe(
      'mapping values are not allowed here\n  in "<unicode string>", line 2, column 2:\n    a: 1\n     ^ (line: 2)',
    );
    expect(said(long)).toBe(
      'mapping values are not allowed here\n  in "<unicode string>", line 1, column 50:\n' +
        `     ... ${"k".repeat(29)}: b: ${"c".repeat(30)} ... \n${" ".repeat(41)}^ (line: 1)`,
    );
    expect(said("a: 1\na: 2\n")).toMatch(
      /^while constructing a mapping\n {2}in .*\n\nTo suppress this check see:\n.*\n$/s,
    );
    expect(said("a: \0")).toMatch(
      /^unable to read: 'p.yaml', YAML file structure is corrupted: unacceptable character/,
    );
  });

  it("reports broken files in DVC's words", () => {
    const kinds = { "p.json": "JSON", "p.toml": "TOML", "p.py": "Python", "p.yaml": "YAML" };
    for (const [file, kind] of Object.entries(kinds)) {
      expect(() => parseParams("{ [", file)).toThrow(`unable to read: '${file}', ${kind} file structure is corrupted`);
    }
    expect(() => parseParams("", "p.json")).toThrow("JSON file structure is corrupted");
    expect(() => parseParams(`${"[".repeat(100_000)}1.0`, "p.json")).toThrow("JSON file structure is corrupted");
  });

  // The values are those that DVC 3.67.1 reads from the same text.
  it("reads literals of Python and runs nothing", () => {
    const python = `"""doc"""
import os
INT: int = 5; NEG = -0x1F
FLOAT = 1.0  # comment with = and "
TEXT = 'it\\'s' "joined" r'\\d'
MULTI = (1,
         "a",)
NEST = {'k': [1, {'z': None}], 2: True}
SET = {1, 2}
EXPR = INT + 1
CALL = os.getenv("X")
a = b = 1
x, y = 1, 2
class Train(object):
    lr = 1e-3
    class Inner: deep = 'd'
    def __init__(self, n=3):
        self.units = [
            1, 2]
        local = 9
        self.skipped = n
    def other(self):
        self.no = 1
if True:
    HIDDEN = 1
LAST = """two
lines"""
`;
    expect(parseParams(python, "p.py")).toEqual({
      INT: 5,
      NEG: -31,
      FLOAT: expect.objectContaining({ value: 1 }) as unknown,
      TEXT: "it'sjoined\\d",
      MULTI: [1, "a"],
      NEST: { k: [1, { z: null }], 2: true },
      SET: [1, 2],
      Train: { lr: 0.001, Inner: { deep: "d" }, units: [1, 2] },
      LAST: "two\nlines",
    });
    expect(() => parseParams("a = 'open\n", "p.py")).toThrow("Python file structure is corrupted");
    expect(() => parseParams("a = (1\n", "p.py")).toThrow("Python file structure is corrupted");
  });
});
