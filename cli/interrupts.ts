/**
 * Ctrl-C, once and twice: the first asks for an orderly end, the second for an immediate one. SIGTERM counts the same.
 */
export interface Interrupts {
  /** Aborted by the first. */
  readonly gentle: AbortSignal;
  /** Aborted by the second. */
  readonly urgent: AbortSignal;
  /** Gives the signals back their usual effect. */
  dispose(): void;
}

/** The reason of both signals. */
export class InterruptedError extends Error {
  readonly code = 'INTERRUPTED';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('interrupted');
    this.name = 'InterruptedError';
    this.exitCode = exitCode;
  }
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * A terminal sends Ctrl-C to all processes in front of it, and launchers (npx, our own) pass it on as well: what comes
 * within this time is one and the same.
 */
const SAME_MILLISECONDS = 400;

/** Listens for the signals from now on. */
export function listenForInterrupts(now: () => number = performance.now.bind(performance)): Interrupts {
  const gentle = new AbortController();
  const urgent = new AbortController();
  let first = 0;
  const handlers = Object.entries(EXIT_CODES).map(([signal, exitCode]) => {
    const handle = (): void => {
      if (!gentle.signal.aborted) {
        first = now();
        gentle.abort(new InterruptedError(exitCode));
      } else if (now() - first >= SAME_MILLISECONDS) {
        urgent.abort(new InterruptedError(exitCode));
      }
    };
    process.on(signal, handle);
    return { signal, handle };
  });
  return {
    gentle: gentle.signal,
    urgent: urgent.signal,
    dispose() {
      for (const { signal, handle } of handlers) process.off(signal, handle);
    },
  };
}
