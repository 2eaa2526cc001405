import { type FrameKind, frameKinds } from '../frame/kinds.ts';
import type { Credits } from './types.ts';

/**
 * Tensors of each kind that may be under way or in the consumer's hands. Each kind has its own, so that a consumer
 * that holds all activations it may hold still gets its labels.
 */
export const defaultCredits: Credits = {
  activation: 3,
  gradient: 3,
  labels: 8,
  'state-down': 2,
  'state-up': 2,
};

/** The sender's side: what is under way, and who waits. */
export interface CreditBook {
  /** Resolves when a tensor of `kind` may be sent. Waiters are served in order. @throws the signal's or close's reason */
  take(kind: FrameKind, signal?: AbortSignal): Promise<void>;
  /** A tensor that was never sent whole. */
  giveBack(kind: FrameKind): void;
  /** Rejects everybody who waits, and whoever comes. */
  close(reason: Error): void;
  readonly waiting: number;
}

interface Waiter {
  readonly go: () => void;
  readonly fail: (reason: unknown) => void;
}

export function createCreditBook(credits: Credits): CreditBook {
  const free = { ...credits } as Record<FrameKind, number>;
  const queues = Object.fromEntries(Object.keys(frameKinds).map((kind) => [kind, []])) as unknown as Record<
    FrameKind,
    Waiter[]
  >;
  let closed: Error | undefined;

  const wait = (kind: FrameKind, signal: AbortSignal | undefined): Promise<void> => {
    return new Promise((resolve, reject) => {
      const leave = (): void => signal?.removeEventListener('abort', onAbort);
      const waiter: Waiter = {
        go: () => {
          leave();
          resolve();
        },
        fail: (reason) => {
          leave();
          reject(reason);
        },
      };
      const onAbort = (): void => {
        queues[kind] = queues[kind].filter((other) => other !== waiter);
        waiter.fail(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      queues[kind].push(waiter);
    });
  };

  return {
    get waiting() {
      return Object.values(queues).reduce((sum, queue) => sum + queue.length, 0);
    },
    async take(kind, signal) {
      signal?.throwIfAborted();
      if (closed !== undefined) throw closed;
      if (free[kind] === 0) return wait(kind, signal);
      free[kind] -= 1;
    },
    giveBack(kind) {
      const next = queues[kind].shift();
      if (next === undefined) free[kind] += 1;
      else next.go();
    },
    close(reason) {
      closed ??= reason;
      for (const kind of Object.keys(queues) as FrameKind[]) {
        for (const waiter of queues[kind].splice(0)) waiter.fail(closed);
      }
    },
  };
}
