import { pyRound } from "./pyRound.ts";
import { asNumber, PyFloat, pyFloat, pyStr } from "./pyValues.ts";

/**
 * A value as Python prints it in a table: `True`, `None`, `[1, 2]`, `1.0`.
 * @param precision decimals that floats are rounded to; undefined: not rounded
 */
export function valueText(value: unknown, precision?: number): string {
  const isFloat = value instanceof PyFloat || (typeof value === "number" && !Number.isInteger(value));
  if (precision === undefined || !isFloat) return pyStr(value);
  return pyStr(pyFloat(pyRound(asNumber(value) ?? NaN, precision)));
}
