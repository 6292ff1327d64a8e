import { describe, expect, it } from "vitest";
import { colourCode, painted } from "./colour.ts";
import { duration, naturalSize, summary } from "./humane.ts";
import { dumpJson } from "./json.ts";
import { lsColours } from "./lsColours.ts";
import { ProgressLine } from "./progress.ts";
import type { TextStream } from "./streams.ts";
import { displayWidth, table } from "./table.ts";
import { visible } from "./visible.ts";

describe("dumpJson", () => {
  it("prints as Python does: spaces, ASCII, null", () => {
    expect(dumpJson({ a: [1, "é😀"], b: null, c: true, d: {}, e: [] })).toBe(
      '{"a": [1, "\\u00e9\\ud83d\\ude00"], "b": null, "c": true, "d": {}, "e": []}',
    );
  });

  it("prints numbers that JSON lacks, and Python's exponents", () => {
    expect(dumpJson([NaN, -Infinity, 1e-7, 1e21])).toBe("[NaN, -Infinity, 1e-07, 1e+21]");
  });

  it("indents", () => {
    expect(dumpJson({ a: [1], b: {} }, 2)).toBe('{\n  "a": [\n    1\n  ],\n  "b": {}\n}');
  });
});

describe("table", () => {
  it("joins plain columns by two spaces and ends no line with any", () => {
    expect(
      table([
        ["6", "dir"],
        ["31", ""],
      ]),
    ).toBe("6   dir\n31");
  });

  it("aligns right on demand", () => {
    expect(
      table(
        [
          ["139", "a"],
          ["4.00k", "b"],
        ],
        { right: [0] },
      ),
    ).toBe("  139  a\n4.00k  b");
  });

  it("makes columns two wider than their headers, as tabulate does", () => {
    expect(table([["m.json", "0.95"]], { headers: ["Path", "acc"], format: "github" })).toBe(
      "| Path   | acc   |\n|--------|-------|\n| m.json | 0.95  |",
    );
  });

  it("counts wide characters twice, accents and escapes not at all", () => {
    expect([
      displayWidth("日本"),
      displayWidth("e\u0301"),
      displayWidth(`${colourCode("01;34")}d${colourCode("0")}`),
    ]).toEqual([4, 1, 1]);
  });
});

describe("words for people", () => {
  it("sums up what happened", () => {
    expect(
      summary([
        ["fetched", 4],
        ["modified", 1],
        ["added", 3],
      ]),
    ).toBe("4 files fetched, 1 file modified and 3 files added");
    expect(summary([["pushed", 0]])).toBe("");
  });

  it("prints sizes as DVC's tables do", () => {
    // What lies exactly between becomes even, as in Python.
    expect([1152, 1664, 1024 * 10.25, 1024 * 100.5].map(naturalSize)).toEqual(["1.12k", "1.62k", "10.2k", "100k"]);
    expect([0, 139, 1023, 4096, 12_900_000, 1024 ** 3 * 988].map(naturalSize)).toEqual([
      "0",
      "139",
      "1023",
      "4.00k",
      "12.3M",
      "988G",
    ]);
  });

  it("prints durations", () => {
    expect([7, 754, 3723].map(duration)).toEqual(["0:07", "12:34", "1:02:03"]);
  });
});

describe("lsColours", () => {
  it("knows folders, executables, extensions and tracked data", () => {
    const colours = lsColours(painted, { LS_COLORS: "rs=0:di=01;34:ex=01;32:*.csv=33:out=35" });
    const paintName: typeof colours = (entry, name) => visible(colours(entry, name));
    const plainEntry = { isout: false, isdir: false, isexec: false };
    expect(paintName({ ...plainEntry, isdir: true }, "d")).toBe("\x1b[01;34md\x1b[0m");
    expect(paintName(plainEntry, "x/a.csv")).toBe("\x1b[33mx/a.csv\x1b[0m");
    expect(paintName({ ...plainEntry, isout: true }, "o")).toBe("\x1b[35mo\x1b[0m");
    expect(paintName(plainEntry, "plain")).toBe("plain");
  });
});

describe("ProgressLine", () => {
  it("stays silent for a second, then shows counts, rate and time left, and wipes itself", () => {
    let now = 0;
    let written = "";
    const stream = { write: (text: string) => (written += text) } as unknown as TextStream;
    const line = new ProgressLine(stream, 100, () => now);
    line.on({ type: "start", task: "Pushing", items: 4, bytes: 4096 });
    now = 900;
    line.on({ type: "progress", task: "Pushing", items: 1, bytes: 1024 });
    expect(written).toBe("");
    now = 2000;
    line.on({ type: "progress", task: "Pushing", items: 2, bytes: 2048 });
    expect(written).toBe("\rPushing 2/4  2.0 KiB/4.0 KiB  1.0 KiB/s  0:02 left\x1b[K");
    line.on({ type: "end", task: "Pushing" });
    expect(written.endsWith("\r\x1b[K")).toBe(true);
    line.on({ type: "start", task: "Checking \x1b[2J\n", items: 4, bytes: 0 });
    now = 9000;
    line.on({ type: "progress", task: "Checking \x1b[2J\n", items: 2, bytes: 0 });
    expect(written).toContain("\rChecking \\x1b[2J\\n 2/4");
  });
});
