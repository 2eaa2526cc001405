/**
 * The natural logarithm from +, -, * and / alone, so that it is bit for bit the same on every machine. `Math.log` may
 * differ in the last bit between engines and processors (ECMA-262 leaves its precision to the implementation).
 */

const bits = new DataView(new ArrayBuffer(8));
const EXPONENT_BIAS = 1023;

/**
 * ln(x) for a normal, positive, finite x; absolute error below 1e-14.
 *
 * x = m · 2^e with m in [√½, √2), then ln(x) = e · ln 2 + 2 · artanh(s) with s = (m - 1)/(m + 1), |s| < 0.172, where the
 * series of artanh gains 1.5 digits a term.
 */
export function portableLog(x: number): number {
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  let exponent = (high >>> 20) - EXPONENT_BIAS;
  bits.setUint32(0, (high & 0x000fffff) | (EXPONENT_BIAS << 20));
  let mantissa = bits.getFloat64(0); // in [1, 2)
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const q = s * s;
  const series =
    1 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q * (1 / 13 + q * (1 / 15 + q / 17)))))));
  return exponent * Math.LN2 + 2 * s * series;
}
