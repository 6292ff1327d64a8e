import { DvcError } from "../../packages/core/src/base/errors.ts";
import { parseParams } from "../../packages/core/src/formats/params.ts";
import { pyJsonDumps } from "../../packages/core/src/formats/pyJson.ts";
import { parseSv } from "../../packages/core/src/plots/svTable.ts";
import { parsed, same } from "./check.ts";
import type { Target } from "./targets.ts";

const read = (name: string) => (bytes: Buffer) => {
  parsed(() => parseParams(bytes.toString("utf8"), name), DvcError);
};

/** Files of parameters, metrics and plots. */
export const valueTargets: readonly Target[] = [
  {
    name: "json",
    seeds: [
      '{"a": 1.0, "b": [1e5, NaN, -Infinity, 12345678901234567890], "__proto__": {"c": "\\ud83d\\ude00"}}',
      "[]",
      '"x"',
    ],
    words: ["NaN", "Infinity", "1.0", "{", "[", '"', "\\u", "__proto__", "null", "1e999", "-0"],
    run: (bytes) => {
      const value = parsed(() => parseParams(bytes.toString("utf8"), "p.json"), DvcError);
      if (value === undefined) return;
      const written = pyJsonDumps(value.value);
      same("written and read", pyJsonDumps(parseParams(written, "p.json")), written);
    },
  },
  {
    name: "toml",
    seeds: ['a = 1\n[b.c]\nd = [1.0, "x", 2020-01-01T00:00:00Z]\ne = {f = true}\n[[g]]\nh = """\nx"""\n'],
    words: ["[[", "]]", '"""', "'''", "= ", "__proto__", "inf", "nan", "1979-05-27", "\\u"],
    run: read("p.toml"),
  },
  {
    name: "python",
    seeds: [
      "A = 1\nb: int = [1, 'x', (2.5, None)]\nclass C:\n    d = {'k': {1, 2}}\n    def __init__(self):\n        self.e = -1_000\n",
      'x = """a\nb"""; y = 0x1f\nif True:\n    z = 1\n',
    ],
    words: [
      "class ",
      "def __init__(self):",
      "self.",
      '"""',
      "'''",
      "\\\n",
      "r'",
      "1j",
      "(",
      "]",
      "lambda",
      "__proto__ = 1",
    ],
    run: read("p.py"),
  },
  {
    name: "table",
    seeds: ['a,b\n1,2\n3,"x""y"\n', "a\tb\n1\t2\n"],
    words: ['"', '""', "\r\n", ",,", "\t", "__proto__"],
    run: (bytes) => {
      for (const [delimiter, header] of [
        [",", true],
        ["\t", false],
      ] as const)
        parsed(() => parseSv(bytes.toString("utf8"), delimiter, header), DvcError);
    },
  },
];
