import type { FrameMeter } from '../frame/encode.ts';
import type { FrameHeader } from '../frame/header.ts';
import type { FrameRefusal } from '../frame/reasons.ts';
import type { RunningDigest } from '../session/tags.ts';
import type { HeldTensor } from './ledger.ts';

/** What came of a frame. */
export type Outcome =
  | { readonly result: 'refused'; readonly reason: FrameRefusal }
  | { readonly result: 'waiting' }
  | {
      readonly result: 'tensor';
      readonly header: FrameHeader;
      readonly buffer: ArrayBufferLike;
      readonly held: HeldTensor;
    };

/** A frame whose head is believed, and whose payload is written into its place part by part. */
export interface Arrival {
  write(part: Uint8Array): void;
  /** The part of the place that is not written yet; whoever writes there says so by `wrote`. */
  place(): Uint8Array;
  wrote(bytes: number): void;
  /** All of the payload was written. It counts for nothing before. */
  end(): Outcome;
  /** The rest will not come. */
  abort(): void;
}

export interface ArrivalNeeds {
  readonly memory: Uint8Array;
  readonly digest: RunningDigest;
  readonly meter: FrameMeter;
  readonly end: (digest: Buffer) => Outcome;
  readonly abort: () => void;
}

/** Parts are digested while they are still in the processor's cache. */
export function createArrival({ memory, digest, meter, end, abort }: ArrivalNeeds): Arrival {
  let written = 0;
  const advance = (part: Uint8Array): void => {
    timed(meter, 'digest', () => digest.update(part));
    written += part.length;
  };
  return {
    write(part) {
      timed(meter, 'copy', () => memory.set(part, written));
      advance(part);
    },
    place: () => memory.subarray(written),
    wrote: (bytes) => advance(memory.subarray(written, written + bytes)),
    end: () => end(digest.digest()),
    abort,
  };
}

/** Does it and adds the seconds that it took. */
export function timed<T>(meter: FrameMeter, part: keyof FrameMeter, act: () => T): T {
  const begun = performance.now();
  const result = act();
  meter[part] += (performance.now() - begun) / 1000;
  return result;
}
