import { setTimeout as wait } from 'node:timers/promises';

const RETRY_MILLISECONDS = 1_000;
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** Whether an error, or what caused it, says that there is no space left. */
export function isDiskFull(error: unknown): boolean {
  const { code, cause } = error as { readonly code?: string; readonly cause?: unknown };
  return FULL.has(code ?? '') || (cause !== undefined && isDiskFull(cause));
}

export interface Patience {
  /** For so long somebody may take to make room. */
  readonly seconds: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Writes again and again while the disk is full. @throws what `write` throws otherwise, the signal's reason */
export async function whenThereIsSpace<T>(
  what: string,
  write: () => Promise<T>,
  { seconds, say, signal }: Patience,
): Promise<T> {
  const until = performance.now() + 1000 * seconds;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const written = await write();
      if (attempt > 0) say(`There is space on the disk again: ${what} is written.`);
      return written;
    } catch (error) {
      if (!isDiskFull(error) || performance.now() > until) throw error;
      if (attempt === 0) say(`The disk is full: ${what} waits for space, for ${seconds} s at most; the run goes on.`);
      await wait(RETRY_MILLISECONDS, undefined, { signal });
    }
  }
}
