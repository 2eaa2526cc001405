import type { BlockCost } from './costs.ts';
import { bytesRatio, type LinkCodecs } from './link-codecs.ts';

/** What sending one tensor and receiving another takes of a board's own processor, by the clock. */
export type MessageCost = {
  /** Whatever their size. */
  readonly seconds: number;
  /** For a byte on the wire of one of the two, which are taken to be equally long. */
  readonly secondsPerByte: number;
  /** Whether the processor has room for it beside the threads that compute. */
  readonly besideComputing: boolean;
};

/** What encoding and decoding take of a board's processor, by the clock, for a byte of float32. */
export type CodecCost = { readonly encodeSecondsPerByte: number; readonly decodeSecondsPerByte: number };

/** Of a board that has not said: a fifth of what a core of 2.8 GHz does. [bench/results/codec.md] */
export const nominalCodec: CodecCost = { encodeSecondsPerByte: 3e-9, decodeSecondsPerByte: 1e-9 };

/** How the tensors over the cut in front of a block are encoded, forward and back. */
export type CodecsAt = (cut: number) => LinkCodecs;

/** Of the two directions of a link, the share that is encoded at all: 0, a half, or 1. */
export function encodedShare({ forward, backward }: LinkCodecs): number {
  return ((forward.bits < 32 ? 1 : 0) + (backward.bits < 32 ? 1 : 0)) / 2;
}

/** Bytes on the wire for a byte of tensor, both directions together. */
export function meanRatio({ forward, backward }: LinkCodecs): number {
  return (bytesRatio(forward) + bytesRatio(backward)) / 2;
}

/** Seconds of a board's processor for a micro-batch's two tensors over each cut, 0 at both ends; as `PlannerBoard` has them. */
export function cutSeconds(
  { seconds, secondsPerByte, besideComputing }: MessageCost,
  { encodeSecondsPerByte, decodeSecondsPerByte }: CodecCost,
  blocks: readonly BlockCost[],
  codecsAt: CodecsAt,
): readonly number[] {
  const at = ({ outputBytes }: BlockCost, index: number) => {
    if (besideComputing) return 0;
    const codecs = codecsAt(index + 1);
    const perByte =
      secondsPerByte * meanRatio(codecs) + encodedShare(codecs) * (encodeSecondsPerByte + decodeSecondsPerByte);
    return seconds + perByte * outputBytes;
  };
  return [0, ...blocks.slice(0, -1).map(at), 0];
}
