import type { TensorMemory } from './types.ts';

/** Memory for a receiver that was given none: buffers of a link are used again where the size fits. */
export function createBufferPool(capacity: number): TensorMemory {
  let free: ArrayBufferLike[] = [];
  return {
    take(bytes) {
      const found = free.findIndex((buffer) => buffer.byteLength === bytes);
      return found < 0 ? new ArrayBuffer(bytes) : free.splice(found, 1)[0]!;
    },
    giveBack(buffer) {
      free = [buffer, ...free].slice(0, capacity);
    },
  };
}
