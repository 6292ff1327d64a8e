import { describe, expect, it } from "vitest";
import { parseSv } from "./svTable.ts";

describe("parseSv", () => {
  it("reads rows by the names of the header, all values as text, without empty lines", () => {
    expect(parseSv("a,b\r\n1,2\n\n3,\n", ",", true)).toEqual({
      rows: [
        { a: "1", b: "2" },
        { a: "3", b: "" },
      ],
      lastField: "b",
    });
  });

  it("numbers columns without a header and keeps the order of columns whose names are numbers", () => {
    expect(parseSv("0.5\t7\n", "\t", false)).toEqual({ rows: [{ 0: "0.5", 1: "7" }], lastField: "1" });
    expect(parseSv("x,10,5\n1,2,3\n", ",", true).lastField).toBe("5");
  });

  it("understands quotes, doubled quotes and line breaks in them", () => {
    expect(parseSv('a,b\n"x, ""y""","two\nlines"\n', ",", true).rows).toEqual([{ a: 'x, "y"', b: "two\nlines" }]);
  });

  it("fills short rows with null and keeps what is too long apart", () => {
    expect(parseSv("a,b\n1\n1,2,3\n", ",", true).rows).toEqual([
      { a: "1", b: null },
      { a: "1", b: "2", null: ["3"] },
    ]);
  });

  it("takes no prototype from a column's name", () => {
    const [row] = parseSv("__proto__,b\nevil,2\n", ",", true).rows;
    expect(Object.keys(row ?? {})).toEqual(["__proto__", "b"]);
    expect(({} as { evil?: unknown }).evil).toBeUndefined();
  });
});
