import { describe, expect, it } from "vitest";
import { type Cell, Day, Json, Moment, parseMoment } from "./cell.ts";
import { columnKinds } from "./columnKinds.ts";
import { parseConnectionUrl } from "./connectionUrl.ts";
import { csvLine } from "./csvText.ts";
import { jsonFloat, jsonRecord, jsonText } from "./jsonText.ts";

const csv = (...cells: Cell[]): string[] => {
  const rows = cells.map((cell) => [cell]);
  const kinds = columnKinds(1, rows);
  return rows.map((row) => csvLine(row, kinds).slice(0, -1));
};
const json = (...cells: Cell[]): string[] => {
  const rows = cells.map((cell) => [cell]);
  const kinds = columnKinds(1, rows);
  return rows.map((row) => jsonRecord(['"x"'], row, kinds).slice(5, -1));
};
const at = (text: string): Moment => parseMoment(text, /\+/.test(text)) ?? new Moment(0n, false);

// Recorded from pandas 2.3.3: DataFrame.from_records(…, coerce_float=True).to_csv(index=False) and to_json(orient="records").
describe("columns as pandas writes them", () => {
  it("make floats of integers beside NULL or floats, and leave booleans alone", () => {
    expect(csv(1n, null)).toEqual(["1.0", '""']);
    expect(csv(1n, 2n)).toEqual(["1", "2"]);
    expect(csv(1n, 2.5)).toEqual(["1.0", "2.5"]);
    expect(csv(9007199254740993n, null)[0]).toBe("9007199254740992.0");
    expect(csv(true, null, false)).toEqual(["True", '""', "False"]);
    expect(csv(true, 1n, null)).toEqual(["True", "1", '""']);
    expect(json(true, 1n, null)).toEqual(["true", "1", "null"]);
    expect(csv(true, "a", 2.0)).toEqual(["True", "a", "2.0"]);
  });

  it("write the moments of a column alike", () => {
    expect(csv(at("2024-01-01"), null)).toEqual(["2024-01-01", '""']);
    expect(csv(at("2024-01-01 00:00:01"), at("2024-01-01"))).toEqual(["2024-01-01 00:00:01", "2024-01-01 00:00:00"]);
    expect(csv(at("2024-01-01 00:00:00.5"), at("2024-01-01"))).toEqual([
      "2024-01-01 00:00:00.500",
      "2024-01-01 00:00:00.000",
    ]);
    expect(csv(at("2024-01-01 00:00:00.5"), at("1969-12-31 23:59:59.000001"))).toEqual([
      "2024-01-01 00:00:00.500000",
      "1969-12-31 23:59:59.000001",
    ]);
    expect(json(at("2024-01-01 00:00:00.5"), at("1969-12-31 23:59:59.000001"))).toEqual(["1704067200500", "-999"]);
    expect(csv(at("0044-01-01"), at("2024-01-01"), null)).toEqual(["0044-01-01 00:00:00", "2024-01-01 00:00:00", '""']);
    expect(csv(at("2024-01-01 00:00:00+00"), at("2024-01-01 01:02:03.4+00"))).toEqual([
      "2024-01-01 00:00:00+00:00",
      "2024-01-01 01:02:03.400000+00:00",
    ]);
    expect(csv(new Day("2024-01-01"), null)).toEqual(["2024-01-01", '""']);
    expect(json(new Day("2024-01-01"))).toEqual(["1704067200000"]);
  });

  it("quote only what needs it", () => {
    expect(csv("a\rb", "  lead", null, "", 'q"', "a,b", "a\nb")).toEqual([
      "a\rb",
      "  lead",
      '""',
      '""',
      '"q"""',
      '"a,b"',
      '"a\nb"',
    ]);
    expect(csv(new Json({ a: [1, null, "x", true] }), new Uint8Array([0x61, 0x62, 0x27]))).toEqual([
      `"{'a': [1, None, 'x', True]}"`,
      `"b""ab'"""`,
    ]);
    expect(jsonText("é/😀\u0001\u007f<&>\u2028")).toBe(
      String.raw`"\u00e9\/\ud83d\ude00\u0001` + "\u007f" + String.raw`<&>\u2028"`,
    );
  });

  it("write floats with ten places", () => {
    const values = [0.12345678901234, 1e-11, 12345678901234.567, 1e15 + 0.5, -1.5e-9, 1e16, 1.1e16, 123456.5e-12, -2.5];
    expect(values.map(jsonFloat)).toEqual([
      "0.123456789",
      "0.0",
      "12345678901234.56640625",
      "1000000000000000.5",
      "-0.0000000015",
      "10000000000000000.0",
      "1.1e+16",
      "0.0000001235",
      "-2.5",
    ]);
    const more = [Infinity, 0.00000000005, 1e-15, 9e-16, 1e17, -1e17, 0.99999999999, 9.223372036854776e18];
    expect(more.map(jsonFloat)).toEqual([
      "null",
      "0.0000000001",
      "0.0",
      "9e-16",
      "1e+17",
      "-1e+17",
      "1.0",
      "9.223372037e+18",
    ]);
  });
});

describe("parseConnectionUrl", () => {
  it("reads SQLAlchemy's form", () => {
    expect(parseConnectionUrl("postgresql+psycopg2://a%40b:p%2Fw@[::1]:5433/db?sslmode=require")).toMatchObject({
      dialect: "postgresql",
      username: "a@b",
      password: "p/w",
      host: "::1",
      port: 5433,
      database: "db",
    });
    expect(parseConnectionUrl("sqlite:///rel/x.db").database).toBe("rel/x.db");
    expect(parseConnectionUrl("sqlite:////abs/x.db").database).toBe("/abs/x.db");
    expect(parseConnectionUrl("duckdb:///:memory:").database).toBe(":memory:");
    expect(parseConnectionUrl("postgresql://u@h").database).toBeUndefined();
    expect(() => parseConnectionUrl("secret")).toThrow(/^Could not parse SQLAlchemy URL from given URL string$/);
  });
});
