import { type Codec, codecParamsBytes } from './codec.ts';
import { PayloadLengthError } from './errors.ts';

/** float32 as it is, little-endian: exact. */
export const raw: Codec = {
  id: 0,
  name: 'float32',
  params: new Uint8Array(codecParamsBytes),
  encode: (values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  decode(payload, count) {
    if (payload.length !== 4 * count) throw new PayloadLengthError('float32', count, 4 * count, payload.length);
    return new Float32Array(payload.buffer, payload.byteOffset, count);
  },
  estimate: (count) => 4 * count,
};
