/** Time of the coordinator, injected so that tests need not wait. Seconds from any origin; never goes back. */
export type Clock = {
  now(): number;
  /** Resolves at `time` or when the signal is aborted, whichever is first; never rejects. */
  waitUntil(time: number, signal: AbortSignal): Promise<void>;
};

// setTimeout takes 31 bits of milliseconds; whoever waits longer asks again.
const LONGEST_WAIT_MILLISECONDS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now() / 1000,
  waitUntil(time, signal) {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const milliseconds = Math.max(0, time * 1000 - performance.now());
      const timer = setTimeout(finish, Math.min(Math.ceil(milliseconds), LONGEST_WAIT_MILLISECONDS));
      signal.addEventListener('abort', finish, { once: true });
    });
  },
};
