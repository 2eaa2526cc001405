import { DeadlineError } from './errors.ts';

/** How long a wait on the outside may take, and who may end it early. */
export interface Patience {
  /** Name of what is waited for, for the error message. */
  readonly what: string;
  readonly milliseconds: number;
  readonly signal?: AbortSignal | undefined;
  /** Asked when the deadline passes, to say more than "too late". */
  readonly lastProblem?: () => string | undefined;
}

/**
 * Resolves as `promise` does, or rejects with `DeadlineError` at the deadline or with the signal's reason.
 * The promise itself goes on; its owner has to stop the work.
 */
export function waitFor<T>(promise: Promise<T>, patience: Patience): Promise<T> {
  const { what, milliseconds, signal } = patience;
  if (signal?.aborted) {
    promise.catch(() => {});
    return Promise.reject(signal.reason);
  }
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      settle(() => reject(new DeadlineError(what, milliseconds, patience.lastProblem?.())));
    }, milliseconds);
    const onAbort = (): void => settle(() => reject(signal?.reason));
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    );
  });
}

/**
 * Settles as `promise` does, or rejects with the signal's reason. Nothing of it stays at the signal: of `Promise.race`
 * with a promise that lasts as long as a run, what each step came to would stay until the run's end.
 */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Resolves after `milliseconds`, or rejects with the signal's reason. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
