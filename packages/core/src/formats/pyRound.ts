/**
 * Python's `round(value, digits)` of a float: to the nearest decimal, exact ties to even. Not finite values stay.
 * @param digits decimals after the point; negative ones before it
 */
export function pyRound(value: number, digits: number): number {
  // Beyond these Python gives the value itself, or zero.
  if (!Number.isFinite(value) || value === 0 || digits > 323) return value;
  if (digits < -308) return value < 0 ? -0 : 0;
  const { mantissa, exponent } = decompose(Math.abs(value));
  let above = exponent > 0 ? mantissa << BigInt(exponent) : mantissa;
  let below = exponent < 0 ? 1n << BigInt(-exponent) : 1n;
  if (digits > 0) above *= 10n ** BigInt(digits);
  else below *= 10n ** BigInt(-digits);
  const whole = above / below;
  const rest = (above % below) * 2n;
  const isUp = rest > below || (rest === below && whole % 2n === 1n);
  const rounded = Number(`${String(isUp ? whole + 1n : whole)}e${String(-digits)}`);
  return value < 0 ? -rounded : rounded;
}

/** `value` = mantissa * 2 ** exponent, exactly. */
function decompose(value: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  if (exponent === 0) return { mantissa: fraction, exponent: -1074 };
  return { mantissa: fraction | 0x10000000000000n, exponent: exponent - 1075 };
}
