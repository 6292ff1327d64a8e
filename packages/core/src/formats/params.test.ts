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
