import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareCodePoints } from "./codePoints.ts";
import { TextColumn } from "./textColumn.ts";

const text = fc.string({ unit: "binary" }).filter((one) => !/\p{Surrogate}/u.test(one) && !one.includes("\0"));

describe("TextColumn", () => {
  it("keeps texts, at hand by row and all in turn, through its bytes and in another thread", () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 1500 }), (texts) => {
        const column = TextColumn.of(texts);
        expect(texts.map((_, row) => column.at(row))).toEqual(texts);
        for (const other of [column, TextColumn.parse(column.joined, texts.length), TextColumn.over(column.share)])
          expect([...(other ?? [])]).toEqual(texts);
      }),
      { numRuns: 30 },
    );
  });

  it("compares in the order of code points", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const column = TextColumn.of([a, b]);
        expect(column.isAfter(1)).toBe(compareCodePoints(b, a) > 0);
        expect(Math.sign(column.compare(0, Buffer.from(b)))).toBe(Math.sign(compareCodePoints(a, b)));
        expect(column.isSame(0, TextColumn.of(["x", b]), 1)).toBe(a === b);
      }),
    );
  });

  it("goes on being filled where another has read", () => {
    const column = TextColumn.empty();
    const bytes = Buffer.from("--é--");
    for (let i = 0; i < 3000; i++) {
      column.push(`file ${String(i)}`);
      column.pushBytes(bytes, 2, 4);
      expect(column.at(2 * i)).toBe(`file ${String(i)}`);
    }
    expect([column.length, column.at(5999)]).toEqual([6000, "é"]);
  });

  it("refuses bytes that are not so many texts", () => {
    expect(TextColumn.parse(Buffer.from("a\0b"), 3)).toBeUndefined();
    expect(TextColumn.parse(Buffer.from("a\0b"), 1)).toBeUndefined();
    expect(TextColumn.parse(new Uint8Array(0), 0)?.length).toBe(0);
  });
});
