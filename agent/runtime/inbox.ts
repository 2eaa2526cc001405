import { FewMap, type FrameKind, type ReceivedTensor } from '../../broker/index.ts';

/** Why an arriving tensor was not taken in. */
export type InboxRefusal = 'duplicate' | 'full';

interface Taker {
  resolve(tensor: ReceivedTensor): void;
  reject(error: Error): void;
}

/**
 * Holds tensors from their arrival until the schedule asks for them: ordered by what they are, not by when they came.
 * A tensor that was there before is refused; so is one more than `capacity`, which a sender that respects its credits
 * never sends.
 */
export class Inbox {
  readonly refused: Record<InboxRefusal, number> = { duplicate: 0, full: 0 };
  readonly #capacity: number;
  readonly #arrived = new FewMap<string, ReceivedTensor>();
  readonly #awaited = new FewMap<string, Taker>();
  /** Keys that were taken in the current step and the one before; older ones are refused by their step. */
  readonly #taken = new FewMap<number, Set<string>>();
  #closed: Error | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  put(tensor: ReceivedTensor): void {
    if (this.#closed !== undefined) {
      tensor.release();
      return;
    }
    const { kind, step, microBatch, slot } = tensor.meta;
    const key = keyOf(kind, step, microBatch, slot);
    if (this.#arrived.has(key) || this.#taken.get(step)?.has(key)) {
      this.#refuse('duplicate', tensor);
      return;
    }
    const taker = this.#awaited.get(key);
    if (taker !== undefined) {
      this.#awaited.delete(key);
      this.#took(key, step);
      taker.resolve(tensor);
      return;
    }
    if (this.#arrived.size < this.#capacity) this.#arrived.set(key, tensor);
    else this.#refuse('full', tensor);
  }

  /** Waits for a tensor; the caller releases it. Rejects when the signal aborts or the inbox is closed. */
  async take(
    kind: FrameKind,
    step: number,
    microBatch: number,
    signal: AbortSignal,
    slot = 0,
  ): Promise<ReceivedTensor> {
    signal.throwIfAborted();
    if (this.#closed !== undefined) throw this.#closed;
    const key = keyOf(kind, step, microBatch, slot);
    const ready = this.#arrived.get(key);
    if (ready !== undefined) {
      this.#arrived.delete(key);
      this.#took(key, step);
      return ready;
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#awaited.delete(key);
        reject(signal.reason);
      };
      const done = () => signal.removeEventListener('abort', onAbort);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#awaited.set(key, {
        resolve: (tensor) => {
          done();
          resolve(tensor);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
    });
  }

  /** Forgets what was taken before `step`: the links refuse older steps by their sequence numbers. */
  forgetBefore(step: number): void {
    for (const takenAt of this.#taken.keys()) if (takenAt < step) this.#taken.delete(takenAt);
  }

  /** Rejects everybody who waits, and releases what nobody took. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const taker of this.#awaited.values()) taker.reject(this.#closed);
    for (const tensor of this.#arrived.values()) tensor.release();
    this.#awaited.clear();
    this.#arrived.clear();
  }

  #took(key: string, step: number): void {
    const keys = this.#taken.get(step) ?? new Set();
    this.#taken.set(step, keys.add(key));
  }

  #refuse(reason: InboxRefusal, tensor: ReceivedTensor): void {
    this.refused[reason] += 1;
    tensor.release();
  }
}

function keyOf(kind: FrameKind, step: number, microBatch: number, slot: number): string {
  return `${kind}/${step}/${microBatch}/${slot}`;
}
