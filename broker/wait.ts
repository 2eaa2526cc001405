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
