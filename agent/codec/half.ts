import { type Codec, codecParamsBytes, type EncodeContext, type Encoded } from './codec.ts';
import { PayloadLengthError } from './errors.ts';
import { asItIs, countNotFinite } from './raw.ts';

const params = new Uint8Array(codecParamsBytes);
/** Every 7th value is looked at again for the error. */
const SAMPLED = 7;
/** From here on float16 has only infinity. */
const FLOAT16_END = 65520;

/** The upper half of each float32, rounded to the nearest (even on ties): 8 bits of significand, relative error at most 2⁻⁸. */
export const bfloat16: Codec = {
  ...{ id: 1, name: 'bfloat16', bits: 16, params },
  encode(values, context) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const halves = new Uint16Array(context.memory.take(2 * values.length));
    for (let index = 0; index < bits.length; index++) halves[index] = upperHalf(bits[index]!);
    return encoded(bfloat16, values, halves, (index) => floatOf(halves[index]! << 16));
  },
  decode(payload, count, memory) {
    const halves = new Uint16Array(payload.buffer, payload.byteOffset, checkedCount('bfloat16', payload, count));
    const buffer = memory.take(4 * count);
    const bits = new Uint32Array(buffer);
    for (let index = 0; index < count; index++) bits[index] = halves[index]! << 16;
    return new Float32Array(buffer);
  },
  estimate: (count) => 2 * count,
  hasFixedLength: true,
};

/** IEEE half precision: 11 bits of significand, up to 65504. A tensor with larger values goes as float32. */
export const float16: Codec = {
  ...{ id: 3, name: 'float16', bits: 16, params },
  encode(values, context) {
    if (largest(values) >= FLOAT16_END) return asItIs(values);
    return float16Of(values, context);
  },
  decode(payload, count, memory) {
    const halves = new Float16Array(payload.buffer, payload.byteOffset, checkedCount('float16', payload, count));
    const values = new Float32Array(memory.take(4 * count));
    values.set(halves);
    return values;
  },
  estimate: (count) => 2 * count,
  hasFixedLength: true,
};

function float16Of(values: Float32Array, { memory }: EncodeContext): Encoded {
  const halves = new Float16Array(memory.take(2 * values.length));
  halves.set(values);
  return encoded(float16, values, halves, (index) => halves[index]!);
}

function encoded(
  { id }: Codec,
  values: Float32Array,
  halves: Uint16Array | Float16Array,
  valueAt: (index: number) => number,
): Encoded {
  let error = 0;
  let signal = 0;
  for (let index = 0; index < values.length; index += SAMPLED) {
    const value = values[index]!;
    if (!Number.isFinite(value)) continue;
    error += (value - valueAt(index)) ** 2;
    signal += value ** 2;
  }
  return {
    codec: { id, params },
    payload: new Uint8Array(halves.buffer, 0, halves.byteLength),
    relativeError: signal === 0 ? 0 : Math.sqrt(error / signal),
    notFinite: countNotFinite(values),
  };
}

function checkedCount(name: string, payload: Uint8Array, count: number): number {
  if (payload.length !== 2 * count) throw new PayloadLengthError(name, count, 2 * count, payload.length);
  return count;
}

function largest(values: Float32Array): number {
  let found = 0;
  for (let index = 0; index < values.length; index++) {
    const size = Math.abs(values[index]!);
    if (size > found && size !== Infinity) found = size;
  }
  return found;
}

function upperHalf(bits: number): number {
  const isNotANumber = (bits & 0x7fffffff) >>> 0 > 0x7f800000;
  // Rounding up could carry a NaN's payload away and leave an infinity; a set quiet bit keeps it a NaN.
  if (isNotANumber) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

const view = new DataView(new ArrayBuffer(4));

function floatOf(bits: number): number {
  view.setInt32(0, bits);
  return view.getFloat32(0);
}
