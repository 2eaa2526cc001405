import { type Codec, codecParamsBytes, type Encoded } from './codec.ts';
import { PayloadLengthError } from './errors.ts';

/** float32 as it is, little-endian: exact. */
export const raw: Codec = {
  id: 0,
  name: 'float32',
  bits: 32,
  params: new Uint8Array(codecParamsBytes),
  encode: (values) => asItIs(values, 0),
  decode(payload, count) {
    if (payload.length !== 4 * count) throw new PayloadLengthError('float32', count, 4 * count, payload.length);
    return new Float32Array(payload.buffer, payload.byteOffset, count);
  },
  estimate: (count) => 4 * count,
  hasFixedLength: true,
};

/** What another codec could not hold, or would not make shorter. */
export function asItIs(values: Float32Array, notFinite = countNotFinite(values)): Encoded {
  const { buffer, byteOffset, byteLength } = values;
  const payload = new Uint8Array(buffer, byteOffset, byteLength);
  return { codec: { id: raw.id, params: raw.params }, payload, relativeError: 0, notFinite };
}

export function countNotFinite(values: Float32Array): number {
  let count = 0;
  for (let index = 0; index < values.length; index++) if (!Number.isFinite(values[index])) count += 1;
  return count;
}
