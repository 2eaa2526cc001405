import { MAX_FRAME_PAYLOAD_BYTES } from '../topics.ts';
import type { FrameHeader } from './header.ts';
import type { MisplacedReason } from './reasons.ts';

/** A tensor of which some chunks are there. */
interface Partial {
  readonly header: FrameHeader;
  readonly buffer: ArrayBufferLike;
  received: number;
}

/** A part of a tensor's buffer. */
export interface Place {
  readonly buffer: ArrayBufferLike;
  readonly memory: Uint8Array;
}

/**
 * Puts the chunks of one link's tensors together. A link sends its tensors one after the other and each in order,
 * so at most one is unfinished at a time, and that bounds the memory.
 */
export interface Assembly {
  /** The reason why this chunk has no place; null where `add` may be called. Changes nothing. */
  problem(header: FrameHeader): MisplacedReason | null;
  /** Where the chunk's payload goes. Changes nothing. */
  place(header: FrameHeader): Place;
  /** The chunk is in its place; the whole tensor's buffer when it was the last. */
  add(header: FrameHeader, place: Place): ArrayBufferLike | null;
  /** Forgets the unfinished tensor; true where there was one. */
  drop(): boolean;
  readonly unfinished: FrameHeader | null;
}

/** @param allocate gives a buffer of exactly that many bytes; what is in it does not matter. */
export function createAssembly(allocate: (bytes: number) => ArrayBufferLike): Assembly {
  let partial: Partial | null = null;
  return {
    get unfinished() {
      return partial?.header ?? null;
    },
    problem(header) {
      if (partial === null || !samePosition(header, partial.header)) {
        if (header.chunk === 0) return null;
        return partial === null ? 'chunk-missing' : 'chunk-of-another-tensor';
      }
      if (!sameTensor(header, partial.header)) return 'chunk-of-another-tensor';
      if (header.chunk < partial.received) return 'chunk-twice';
      return header.chunk > partial.received ? 'chunk-missing' : null;
    },
    place(header) {
      const buffer = header.chunk === 0 || partial === null ? allocate(header.totalBytes) : partial.buffer;
      return { buffer, memory: new Uint8Array(buffer, header.chunk * MAX_FRAME_PAYLOAD_BYTES, header.payloadBytes) };
    },
    add(header, { buffer }) {
      if (header.chunk === 0) partial = { header, buffer, received: 0 };
      if (partial === null) return null;
      partial.received += 1;
      if (partial.received < header.chunks) return null;
      partial = null;
      return buffer;
    },
    drop() {
      const had = partial !== null;
      partial = null;
      return had;
    },
  };
}

function samePosition(a: FrameHeader, b: FrameHeader): boolean {
  return a.incarnation === b.incarnation && a.sequence === b.sequence;
}

function sameTensor(a: FrameHeader, b: FrameHeader): boolean {
  const numbers = (['term', 'step', 'microBatch', 'slot', 'totalBytes'] as const).every(
    (field) => a[field] === b[field],
  );
  return numbers && a.kind === b.kind && a.dtype === b.dtype && a.name === b.name && a.codec.id === b.codec.id;
}
