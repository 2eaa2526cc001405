import { bfloat16 } from './bfloat16.ts';
import type { Codec } from './codec.ts';
import { UnknownCodecError } from './errors.ts';
import { raw } from './raw.ts';

export const codecs = { float32: raw, bfloat16 } as const satisfies Record<string, Codec>;
export type CodecName = keyof typeof codecs;
export const codecNames = Object.keys(codecs) as readonly CodecName[];

const byId = new Map<number, Codec>(Object.values(codecs).map((codec) => [codec.id, codec]));
if (byId.size !== codecNames.length) throw new Error('two codecs share one wire id');

/** Whether a wire id is one of ours. */
export const isCodec = (id: number): boolean => byId.has(id);

/** @throws UnknownCodecError */
export function codecOf(id: number): Codec {
  const codec = byId.get(id);
  if (codec === undefined) throw new UnknownCodecError(id, codecNames);
  return codec;
}
