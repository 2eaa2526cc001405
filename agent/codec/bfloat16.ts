import { type Codec, codecParamsBytes } from './codec.ts';
import { PayloadLengthError } from './errors.ts';

/** The upper half of each float32, rounded to the nearest (even on ties): 8 bits of significand, relative error at most 2⁻⁸. */
export const bfloat16: Codec = {
  id: 1,
  name: 'bfloat16',
  params: new Uint8Array(codecParamsBytes),
  encode(values) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const halves = new Uint16Array(values.length);
    for (let index = 0; index < bits.length; index++) halves[index] = upperHalf(bits[index]!);
    return new Uint8Array(halves.buffer);
  },
  decode(payload, count) {
    if (payload.length !== 2 * count) throw new PayloadLengthError('bfloat16', count, 2 * count, payload.length);
    const halves = new Uint16Array(payload.buffer, payload.byteOffset, count);
    const bits = new Uint32Array(count);
    for (let index = 0; index < count; index++) bits[index] = halves[index]! << 16;
    return new Float32Array(bits.buffer);
  },
  estimate: (count) => 2 * count,
};

function upperHalf(bits: number): number {
  const isNotANumber = (bits & 0x7fffffff) >>> 0 > 0x7f800000;
  // Rounding up could carry a NaN's payload away and leave an infinity; a set quiet bit keeps it a NaN.
  if (isNotANumber) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
