import { describe, expect, it } from "vitest";
import { PyFloat } from "./pyValues.ts";
import { pyRound } from "./pyRound.ts";
import { valueText } from "./valueText.ts";

// What Python 3.11 answers to `round(value, digits)`.
describe("pyRound", () => {
  it.each([
    [0.125, 2, 0.12],
    [0.375, 2, 0.38],
    [2.675, 2, 2.67],
    [-0.5, 0, -0],
    [1.5, 0, 2],
    [1e-7, 5, 0],
    [-2e-7, 5, -0],
    [1234.5, -2, 1200],
    [1e300, 5, 1e300],
    [5e-324, 323, 0],
    [0.912345678, 5, 0.91235],
    [Infinity, 5, Infinity],
  ])("%d to %d digits", (value, digits, rounded) => {
    expect(pyRound(value, digits)).toBe(rounded);
  });
});

describe("valueText", () => {
  it("rounds floats alone and prints as Python", () => {
    expect(valueText(0.999999, 5)).toBe("1.0");
    expect(valueText(new PyFloat(2), 5)).toBe("2.0");
    expect(valueText(2, 5)).toBe("2");
    expect(valueText(NaN, 5)).toBe("nan");
    expect(valueText(true, 5)).toBe("True");
    expect(valueText([1, "a", null], 5)).toBe("[1, 'a', None]");
    expect(valueText(1e-7)).toBe("1e-07");
  });
});
