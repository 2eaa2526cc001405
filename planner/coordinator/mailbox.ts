import type { Clock } from './clock.ts';
import type { Event } from './events.ts';

/** An event without its time: the mailbox stamps it as it comes in. */
export type News = Event extends infer E ? (E extends Event ? Omit<E, 'at'> : never) : never;

/** Where everything that happens waits for the loop, in order of arrival. */
export type Mailbox = {
  post(news: News): void;
  /** What has come in; waits for the first, until `deadline` at most, and then gives a `clock` event. */
  take(deadline: number | undefined, signal: AbortSignal): Promise<readonly Event[]>;
};

export function createMailbox(clock: Clock): Mailbox {
  let waiting: Event[] = [];
  let wake = (): void => {};

  return {
    post(news) {
      waiting.push({ ...news, at: clock.now() } as Event);
      wake();
    },
    async take(deadline, signal) {
      signal.throwIfAborted();
      if (waiting.length === 0) await somethingHappens(deadline, signal);
      signal.throwIfAborted();
      const events = waiting;
      waiting = [];
      return events.length > 0 ? events : [{ kind: 'clock', at: clock.now() }];
    },
  };

  async function somethingHappens(deadline: number | undefined, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const onAbort = (): void => over.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    wake = onAbort;
    try {
      await clock.waitUntil(deadline ?? Infinity, over.signal);
    } finally {
      wake = () => {};
      signal.removeEventListener('abort', onAbort);
      over.abort();
    }
  }
}
