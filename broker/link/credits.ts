import { type FrameKind, frameKinds } from '../frame/kinds.ts';
import type { Allowance, Credits, Window } from './types.ts';

const kinds = Object.keys(frameKinds) as FrameKind[];

/**
 * What of each kind may be under way or in the consumer's hands: so many tensors, and no more bytes than so many of the
 * largest. Short tensors need more of them under way, or a link waits for its statuses. Each kind has its own, so that a
 * consumer that holds all activations it may hold still gets its labels.
 */
export const defaultCredits = {
  activation: { tensors: 12, largest: 3 },
  gradient: { tensors: 12, largest: 3 },
  labels: { tensors: 8, largest: 8 },
  'state-down': { tensors: 8, largest: 2 },
  'state-up': { tensors: 2, largest: 2 },
  'state-replica': { tensors: 2, largest: 1 },
} as const satisfies Record<FrameKind, { readonly tensors: number; readonly largest: number }>;

const byKind = (allowanceOf: (kind: FrameKind) => Allowance): Window =>
  Object.fromEntries(kinds.map((kind) => [kind, allowanceOf(kind)])) as Window;

/** The window of a receiver; kinds in `credits` may have so many tensors, of any size. */
export function windowOf(maxTensorBytes: number, credits: Partial<Credits> = {}): Window {
  return byKind((kind) => {
    const { tensors, largest } = defaultCredits[kind];
    const given = credits[kind];
    return { tensors: given ?? tensors, bytes: (given ?? largest) * maxTensorBytes };
  });
}

/** As a message has it. */
export function windowFields(window: Window): { credits: Record<string, number>; bytes: Record<string, number> } {
  const of = (part: keyof Allowance) => Object.fromEntries(kinds.map((kind) => [kind, window[kind][part]]));
  return { credits: of('tensors'), bytes: of('bytes') };
}

/** What a receiver said; nothing where that is no number. */
export function windowFrom(message: Record<'credits' | 'bytes', Readonly<Record<string, unknown>>>): Window {
  const count = (value: unknown): number =>
    Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0;
  return byKind((kind) => ({ tensors: count(message.credits[kind]), bytes: count(message.bytes[kind]) }));
}

/** The sender's side: what is under way, and who waits. */
export interface CreditBook {
  /**
   * Resolves when a tensor of `kind` and so many bytes may be sent. Waiters are served in order.
   * @throws the signal's or close's reason
   */
  take(kind: FrameKind, bytes: number, signal?: AbortSignal): Promise<void>;
  /** As much more may be under way as one window allows beyond another. */
  grow(before: Window, after: Window): void;
  /** A tensor that came to its end. */
  giveBack(kind: FrameKind, bytes: number): void;
  /** Rejects everybody who waits, and whoever comes. */
  close(reason: Error): void;
  readonly waiting: number;
}

interface Waiter {
  readonly bytes: number;
  readonly go: () => void;
  readonly fail: (reason: unknown) => void;
}

/** Of one kind. */
interface Account {
  tensors: number;
  bytes: number;
  queue: Waiter[];
}

export function createCreditBook(window: Window): CreditBook {
  const accounts = Object.fromEntries(kinds.map((kind) => [kind, { ...window[kind], queue: [] }])) as unknown as Record<
    FrameKind,
    Account
  >;
  let closed: Error | undefined;

  const charge = (account: Account, bytes: number): boolean => {
    if (account.tensors === 0 || account.bytes < bytes) return false;
    account.tensors -= 1;
    account.bytes -= bytes;
    return true;
  };
  const serve = (account: Account): void => {
    for (let next = account.queue[0]; next !== undefined && charge(account, next.bytes); next = account.queue[0]) {
      account.queue.shift();
      next.go();
    }
  };
  const wait = (account: Account, bytes: number, signal: AbortSignal | undefined): Promise<void> => {
    return new Promise((resolve, reject) => {
      const leave = (): void => signal?.removeEventListener('abort', onAbort);
      const waiter: Waiter = {
        bytes,
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
        account.queue = account.queue.filter((other) => other !== waiter);
        waiter.fail(signal?.reason);
        // A shorter one behind it may have room.
        serve(account);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      account.queue.push(waiter);
    });
  };

  return {
    get waiting() {
      return Object.values(accounts).reduce((sum, { queue }) => sum + queue.length, 0);
    },
    async take(kind, bytes, signal) {
      signal?.throwIfAborted();
      if (closed !== undefined) throw closed;
      const account = accounts[kind];
      if (account.queue.length === 0 && charge(account, bytes)) return;
      await wait(account, bytes, signal);
    },
    grow(before, after) {
      for (const kind of kinds) {
        const account = accounts[kind];
        account.tensors += Math.max(0, after[kind].tensors - before[kind].tensors);
        account.bytes += Math.max(0, after[kind].bytes - before[kind].bytes);
        serve(account);
      }
    },
    giveBack(kind, bytes) {
      const account = accounts[kind];
      account.tensors += 1;
      account.bytes += bytes;
      serve(account);
    },
    close(reason) {
      closed ??= reason;
      for (const { queue } of Object.values(accounts)) for (const waiter of queue.splice(0)) waiter.fail(closed);
    },
  };
}
