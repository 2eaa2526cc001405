import { type Codec, type CodecHeader, codecParamsBytes } from './codec.ts';
import { CodecError, CodecParamsError, UnknownCodecError } from './errors.ts';
import { bfloat16, float16 } from './half.ts';
import { parseParams } from './planes/params.ts';
import { PLANES_ID, planesCodec } from './planes/planes.ts';
import { raw } from './raw.ts';

/** Those without parameters. */
export const plainCodecs = { float32: raw, bfloat16, float16 } as const satisfies Record<string, Codec>;
export const codecNames: readonly string[] = [...Object.keys(plainCodecs), 'planes'];

const plainById = new Map<number, Codec>(Object.values(plainCodecs).map((codec) => [codec.id, codec]));
if (new Set([...plainById.keys(), PLANES_ID]).size !== codecNames.length)
  throw new Error('two codecs share one wire id');

/**
 * The codec that can decode what a frame's header says so of.
 * @throws UnknownCodecError, CodecParamsError
 */
export function codecOf({ id, params }: CodecHeader): Codec {
  if (params.length !== codecParamsBytes) {
    throw new CodecParamsError(`codec ${id}`, 'number of parameters', params.length, `${codecParamsBytes}`);
  }
  if (id === PLANES_ID) return planesCodec({ ...parseParams(params), stochastic: false });
  const codec = plainById.get(id);
  if (codec === undefined) throw new UnknownCodecError(id, codecNames);
  const strange = params.findIndex((byte) => byte !== 0);
  if (strange >= 0) throw new CodecParamsError(codec.name, `parameter ${strange}`, params[strange]!, '0');
  return codec;
}

/**
 * Why a payload of so many bytes cannot be one of `count` values, as far as that can be told without looking at it; null
 * where it can.
 */
export function encodingProblem(header: CodecHeader, count: number, bytes: number): EncodingProblem | null {
  return problemOf(() => {
    const codec = codecOf(header);
    const most = codec.estimate(count);
    return codec.hasFixedLength ? bytes === most : bytes <= most;
  });
}

/** Why a payload cannot be decoded, of which `encodingProblem` had nothing to say; null where it can. */
export function payloadProblem(header: CodecHeader, count: number, payload: Uint8Array): EncodingProblem | null {
  return problemOf(() => {
    codecOf(header).check?.(payload, count);
    return true;
  });
}

type EncodingProblem = 'unknown-codec' | 'bad-encoding';

function problemOf(isGood: () => boolean): EncodingProblem | null {
  try {
    return isGood() ? null : 'bad-encoding';
  } catch (error) {
    if (error instanceof UnknownCodecError) return 'unknown-codec';
    if (error instanceof CodecError) return 'bad-encoding';
    throw error;
  }
}
