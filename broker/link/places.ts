import type { FrameHeader } from '../frame/header.ts';
import { MAX_FRAME_PAYLOAD_BYTES } from '../topics.ts';
import type { Ledger } from './ledger.ts';
import type { TensorMemory } from './types.ts';

/** Where one frame's payload is written to. */
export interface Place {
  /** Of its tensor. */
  readonly buffer: ArrayBufferLike;
  readonly memory: Uint8Array;
}

/** The memory of a link's tensors that are not whole yet. */
export class Places {
  readonly #memory: TensorMemory;
  readonly #ledger: Ledger;
  /** A frame is being written there, so it cannot be given back. */
  #arriving: ArrayBufferLike | undefined;

  constructor(memory: TensorMemory, ledger: Ledger) {
    this.#memory = memory;
    this.#ledger = ledger;
  }

  /** Of a believed frame that has its place: in its tensor, or in new memory where it begins one. */
  of({ chunk, sequence, totalBytes, payloadBytes }: FrameHeader): Place {
    const found = chunk === 0 ? undefined : this.#ledger.open.get(sequence);
    const buffer = found?.buffer ?? this.#memory.take(totalBytes);
    return { buffer, memory: new Uint8Array(buffer, chunk * MAX_FRAME_PAYLOAD_BYTES, payloadBytes) };
  }

  get isArriving(): boolean {
    return this.#arriving !== undefined;
  }

  /** A frame's payload begins to be written. */
  arrive({ buffer }: Place): void {
    this.#arriving = buffer;
  }

  /** It is written, and its tensor has it. */
  arrived(): void {
    this.#arriving = undefined;
  }

  /** It comes to nothing. */
  leave({ buffer }: Place): void {
    this.#arriving = undefined;
    if (!this.#buffers().has(buffer)) this.#memory.giveBack(buffer);
  }

  /** Does what may end open tensors, and gives back the memory of those that it ended. */
  freeing<T>(act: () => T): T {
    const before = this.#buffers();
    const result = act();
    const still = this.#buffers();
    for (const buffer of before) {
      if (!still.has(buffer) && buffer !== this.#arriving) this.#memory.giveBack(buffer);
    }
    return result;
  }

  #buffers(): Set<ArrayBufferLike> {
    return new Set(this.#ledger.open.values().map(({ buffer }) => buffer));
  }
}
