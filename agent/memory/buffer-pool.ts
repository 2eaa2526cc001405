import type { TensorMemory } from '../../broker/index.ts';

/** Encoded tensors can be of any length: the sizes that were used last are kept. */
const MOST_SIZES = 64;

/** The buffers of one size. */
interface Size {
  readonly bytes: number;
  readonly spare: SharedArrayBuffer[];
  made: number;
}

/**
 * Memory of tensors that come and go with every micro-batch, used again. It keeps, of each size, no more buffers than it
 * once had to make, so it holds what the busiest moment needed.
 *
 * The buffers are shared between threads. A transferred ArrayBuffer counts anew against the heap limit of each isolate
 * that gets it, and a stage's traffic made V8 collect everything two or three times a step; shared memory is not counted
 * and never copied.
 */
export class BufferPool implements TensorMemory {
  /** Used last comes last. An array, for the reason that `FewMap` (broker) gives. */
  readonly #sizes: Size[] = [];

  take(bytes: number): SharedArrayBuffer {
    const size = this.#use(bytes);
    const spare = size.spare.pop();
    if (spare !== undefined) return spare;
    size.made += 1;
    return new SharedArrayBuffer(bytes);
  }

  giveBack(buffer: ArrayBufferLike): void {
    if (!(buffer instanceof SharedArrayBuffer)) return;
    const size = this.#sizes.find(({ bytes }) => bytes === buffer.byteLength);
    if (size !== undefined && size.spare.length < size.made) size.spare.push(buffer);
  }

  #use(bytes: number): Size {
    const at = this.#sizes.findIndex((size) => size.bytes === bytes);
    const [size = { bytes, spare: [], made: 0 }] = at < 0 ? [] : this.#sizes.splice(at, 1);
    this.#sizes.push(size);
    if (this.#sizes.length > MOST_SIZES) this.#sizes.shift();
    return size;
  }
}
