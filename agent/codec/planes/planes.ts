import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Codec, EncodeContext, Encoded } from '../codec.ts';
import { PayloadDamagedError, PayloadLengthError } from '../errors.ts';
import { type Kernel, threadKernel } from '../kernel/index.ts';
import { asItIs } from '../raw.ts';
import { checkPlanes, decodePlanes } from './decode.ts';
import { encodePlanes } from './encode.ts';
import { longest } from './lengths.ts';
import { type PlanesParams, packParams } from './params.ts';

export const PLANES_ID = 2;
const NAME = 'planes';

export interface PlanesOptions extends PlanesParams {
  /** Rounds up or down by chance, so that errors have a mean of 0. The receiver need not know. */
  readonly stochastic: boolean;
}

/** Groups of values quantised to a few bits, as bit planes. [docs/codec.md] */
export function planesCodec(options: PlanesOptions, kernel: () => Kernel = threadKernel): Codec {
  const plain = { id: PLANES_ID, params: packParams({ ...options, huffman: false }) };
  const own = { id: PLANES_ID, params: packParams(options) };
  return {
    ...own,
    name: NAME,
    bits: options.bits,
    encode(values, context) {
      const bytes = longest(options, values.length);
      if (bytes >= values.byteLength) return asItIs(values);
      const buffer = context.memory.take(bytes);
      const found = encodePlanes(kernel(), options, values, new Uint8Array(buffer), context.seed);
      if (found === undefined) {
        context.memory.giveBack(buffer);
        return asItIs(values);
      }
      const payload = new Uint8Array(buffer, 0, found.bytes);
      const encoded = { codec: plain, payload, relativeError: found.relativeError, notFinite: 0 };
      return options.huffman ? deflated(encoded, own, context) : encoded;
    },
    decode(payload, count, memory) {
      const buffer = memory.take(4 * count);
      try {
        decodePlanes(kernel(), options, groupsIn(payload, options, count), new Float32Array(buffer));
        return new Float32Array(buffer);
      } catch (error) {
        memory.giveBack(buffer);
        throw error;
      }
    },
    estimate: (count) => Math.min(longest(options, count), 4 * count),
    hasFixedLength: !options.zeroMask && !options.huffman,
    check: (payload, count) => checkPlanes(options, groupsIn(payload, options, count), count),
  };
}

/** What `info` makes of a result; its types leave that out. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** Only where that saves a sixteenth: inflating takes time too. */
function deflated(encoded: Encoded, codec: Encoded['codec'], { memory }: EncodeContext): Encoded {
  const payload = deflateRawSync(encoded.payload, { strategy: constants.Z_HUFFMAN_ONLY, level: 1 });
  if (payload.length > encoded.payload.length * (15 / 16)) return encoded;
  memory.giveBack(encoded.payload.buffer);
  return { ...encoded, codec, payload };
}

/** Masks and groups, as they were before Huffman codes. */
function groupsIn(payload: Uint8Array, params: PlanesParams, count: number): Uint8Array {
  return params.huffman ? inflated(payload, longest(params, count), count) : payload;
}

function inflated(payload: Uint8Array, most: number, count: number): Uint8Array {
  if (payload.length > most) throw new PayloadLengthError(NAME, count, `at most ${most}`, payload.length);
  try {
    const options = { maxOutputLength: Math.max(1, most), info: true };
    const { buffer, engine } = inflateRawSync(payload, options) as unknown as Inflated;
    if (engine.bytesWritten !== payload.length) throw new PayloadDamagedError(NAME, 'there are bytes after its end');
    return buffer;
  } catch (error) {
    if (error instanceof PayloadDamagedError) throw error;
    throw new PayloadDamagedError(NAME, (error as Error).message);
  }
}
