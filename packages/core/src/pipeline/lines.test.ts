import { describe, expect, it } from "vitest";
import { LineCutter } from "./lines.ts";

const cut = (...chunks: (string | Buffer)[]): string[] => {
  const lines: string[] = [];
  const cutter = new LineCutter((line) => lines.push(line));
  for (const chunk of chunks) cutter.write(Buffer.from(chunk as string));
  cutter.end();
  return lines;
};

describe("LineCutter", () => {
  it("gives whole lines, whatever the pieces, and what is left at the end", () => {
    const bytes = Buffer.from("grün\n");
    expect(cut("a\nb", "c\n\nd")).toEqual(["a", "bc", "", "d"]);
    expect(cut(bytes.subarray(0, 3), bytes.subarray(3))).toEqual(["grün"]);
    expect(cut("a\n")).toEqual(["a"]);
  });

  it("keeps the last state of a line that was drawn over", () => {
    expect(cut("10%\r20%\r", "100%\r\ndone\r\n")).toEqual(["100%", "done"]);
  });

  it("holds neither an endless line nor an endless bar", () => {
    expect(cut("x".repeat(70_000), "y").map((line) => line.length)).toEqual([70_000, 1]);
    expect(cut(`${"bar 1\r".repeat(20_000)}end`)).toEqual(["end"]);
  });
});
