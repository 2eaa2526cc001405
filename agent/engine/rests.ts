import { setTimeout as pause } from 'node:timers/promises';
import type { BesideOptions } from './types.ts';

/** A plan that is made ready is waited for 120 s. */
const MOST_SECONDS = 60;

/** Rests of this thread between parts of work, so that it takes its share of the processor and no more. */
export interface Rests {
  /** Until the work of this thread since the last rest has been its share of the time since then. */
  rest(): Promise<void>;
}

/** Nobody rests any more once `hurry` is aborted, or when all rests together have taken a minute. */
export function createRests({ loadingShare, cores = 1 }: BesideOptions, hurry: AbortSignal): Rests {
  let left = 1000 * MOST_SECONDS;
  let since = performance.now();
  let worked = workedMilliseconds();
  return {
    async rest() {
      if (loadingShare === undefined) return;
      const due = (workedMilliseconds() - worked) / (loadingShare * cores);
      const milliseconds = Math.min(left, due - (performance.now() - since));
      // The signal's reason is of no interest here.
      if (milliseconds > 0) await pause(milliseconds, undefined, { signal: hurry }).catch(() => {});
      left -= Math.max(0, milliseconds);
      since = performance.now();
      worked = workedMilliseconds();
    },
  };
}

function workedMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
