/** Buffers of one link, used again where the size fits: a step sends tensors of the same few sizes. */
export interface BufferPool {
  /** A buffer of exactly `bytes`; what is in it does not matter. */
  take(bytes: number): ArrayBuffer;
  giveBack(buffer: ArrayBuffer): void;
}

export function createBufferPool(capacity: number): BufferPool {
  let free: ArrayBuffer[] = [];
  return {
    take(bytes) {
      const found = free.findIndex((buffer) => buffer.byteLength === bytes);
      if (found >= 0) return free.splice(found, 1)[0] as ArrayBuffer;
      // A block of its own, not zeroed: it is about to be written from end to end.
      return bytes === 0 ? new ArrayBuffer(0) : (Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer);
    },
    giveBack(buffer) {
      // A buffer that the consumer has transferred to a worker is of length 0 now.
      if (buffer.byteLength > 0) free = [buffer, ...free].slice(0, capacity);
    },
  };
}
