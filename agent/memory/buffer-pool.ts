import type { TensorMemory } from '../../broker/index.ts';

/** Encoded tensors can be of any length: the sizes that were used last are kept. */
const MOST_SIZES = 64;

/**
 * Memory of tensors that come and go with every micro-batch, used again. It keeps, of each size, no more buffers than it
 * once had to make, so it holds what the busiest moment needed.
 *
 * The buffers are shared between threads. A transferred ArrayBuffer counts anew against the heap limit of each isolate
 * that gets it, and a stage's traffic made V8 collect everything two or three times a step; shared memory is not counted
 * and never copied.
 */
export class BufferPool implements TensorMemory {
  readonly #spare = new Map<number, SharedArrayBuffer[]>();
  readonly #made = new Map<number, number>();

  take(bytes: number): SharedArrayBuffer {
    const spare = this.#spare.get(bytes)?.pop();
    const made = this.#made.get(bytes) ?? 0;
    this.#made.delete(bytes);
    this.#made.set(bytes, spare === undefined ? made + 1 : made);
    if (spare !== undefined) return spare;
    if (this.#made.size > MOST_SIZES) this.#forgetOldest();
    return new SharedArrayBuffer(bytes);
  }

  giveBack(buffer: ArrayBufferLike): void {
    if (!(buffer instanceof SharedArrayBuffer)) return;
    const bytes = buffer.byteLength;
    if (!this.#made.has(bytes)) return;
    const spare = this.#spare.get(bytes) ?? [];
    this.#spare.set(bytes, spare);
    if (spare.length < (this.#made.get(bytes) ?? 0)) spare.push(buffer);
  }

  #forgetOldest(): void {
    const [oldest] = this.#made.keys();
    this.#made.delete(oldest!);
    this.#spare.delete(oldest!);
  }
}
