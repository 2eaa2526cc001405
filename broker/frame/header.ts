import { MAX_FRAME_PAYLOAD_BYTES } from '../topics.ts';
import type { FrameDigest } from './digest.ts';
import { type DataType, dataTypes, type FrameKind, RAW_CODEC } from './kinds.ts';

/** Everything a frame's signature binds, but the payload's digest. */
export interface FrameHeader {
  readonly digest: FrameDigest;
  readonly kind: FrameKind;
  readonly dtype: DataType;
  /** Id 0 is raw; `params` has 16 bytes. */
  readonly codec: { readonly id: number; readonly params: Uint8Array };
  readonly shape: readonly number[];
  readonly incarnation: number;
  readonly sequence: number;
  readonly term: number;
  readonly step: number;
  readonly microBatch: number;
  readonly slot: number;
  readonly chunk: number;
  readonly chunks: number;
  readonly payloadBytes: number;
  readonly totalBytes: number;
  readonly fleet: string;
  readonly from: string;
  readonly to: string;
  readonly run: string;
  readonly name: string;
}

/** How many frames a tensor of `totalBytes` takes. An empty tensor takes one. */
export function chunksOf(totalBytes: number): number {
  return Math.max(1, Math.ceil(totalBytes / MAX_FRAME_PAYLOAD_BYTES));
}

/** Where chunk number `chunk` lies in a tensor of `totalBytes`. */
export function chunkRange(totalBytes: number, chunk: number): { readonly start: number; readonly end: number } {
  const start = chunk * MAX_FRAME_PAYLOAD_BYTES;
  return { start, end: Math.min(totalBytes, start + MAX_FRAME_PAYLOAD_BYTES) };
}

/** Whether chunk numbers and lengths are the only ones a tensor of this size can have. */
export function chunkFits({ chunk, chunks, payloadBytes, totalBytes }: FrameHeader): boolean {
  if (chunks !== chunksOf(totalBytes) || chunk >= chunks) return false;
  const { start, end } = chunkRange(totalBytes, chunk);
  return payloadBytes === end - start;
}

/** Whether the shape says the size, which it does for raw values. */
export function shapeFits({ codec, dtype, shape, totalBytes }: FrameHeader): boolean {
  if (codec.id !== RAW_CODEC) return true;
  return shape.reduce((product, dimension) => product * dimension, dataTypes[dtype].bytes) === totalBytes;
}
