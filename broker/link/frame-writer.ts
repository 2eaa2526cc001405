import { type FrameMeter, sealHead } from '../frame/encode.ts';
import { chunkRange } from '../frame/header.ts';
import { RAW_CODEC } from '../frame/kinds.ts';
import { CODEC_PARAMS_BYTES } from '../frame/layout.ts';
import type { FrameProof } from '../frame/proof.ts';
import type { Outgoing } from './outbox.ts';

const RAW = { id: RAW_CODEC, params: new Uint8Array(CODEC_PARAMS_BYTES) } as const;

/** What all frames of one sender have in common. */
export interface FrameWriterNeeds {
  readonly fleet: string;
  readonly run: string;
  readonly from: string;
  readonly to: string;
  /** Asked for each frame. */
  readonly proof: () => FrameProof;
  readonly incarnation: number;
  readonly meter: FrameMeter;
}

/** The next frame of a tensor: its proven head and its payload, which lies where it lay. */
export type FrameWriter = (tensor: Outgoing, sequence: number) => readonly [head: Buffer, payload: Uint8Array];

/** @throws InvalidFrameError, of the frame that is written, where the tensor's data does not fit the layout. */
export function createFrameWriter({ proof, meter, ...common }: FrameWriterNeeds): FrameWriter {
  return ({ meta, bytes, term, chunk, chunks }, sequence) => {
    const { start, end } = chunkRange(bytes.length, chunk);
    const payload = bytes.subarray(start, end);
    const header = {
      ...common,
      ...meta,
      name: meta.name ?? '',
      codec: meta.codec ?? RAW,
      sequence,
      term,
      chunk,
      chunks,
      payloadBytes: payload.length,
      totalBytes: bytes.length,
    };
    return [sealHead(payload, header, proof(), meter), payload];
  };
}
