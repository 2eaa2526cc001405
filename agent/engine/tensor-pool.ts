import { elementCount, type Shape } from '../../models/index.ts';
import { BufferPool } from '../memory/index.ts';
import type { Tensor } from './onnx-runtime.ts';

/** Memory of a stage's tensors: what it puts out, and what it keeps for the backward pass. */
export class TensorPool {
  readonly #buffers = new BufferPool();

  /** A float32 tensor; what is in it does not matter. */
  take(shape: Shape): Tensor {
    return { shape, data: new Float32Array(this.#buffers.take(4 * elementCount(shape))) };
  }

  /** Nobody reads these any more. Two that lie in one buffer give it back once; parts of a larger one are passed over. */
  giveBack(tensors: Iterable<Tensor>): void {
    const whole = [...tensors].filter(({ data }) => data.byteLength === data.buffer.byteLength);
    for (const buffer of new Set(whole.map(({ data }) => data.buffer))) this.#buffers.giveBack(buffer);
  }
}
