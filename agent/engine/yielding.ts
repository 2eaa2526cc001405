import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import type { EngineCall } from './worker-protocol.ts';

/** Sent by a thread when it begins to yield: its number, by which its priority can be changed. */
export interface WorkerThread {
  readonly thread: number;
}

/** From which calls a thread yields no more: the last of those that warm a stage up, and that which gives it up. */
export const endsYielding = (call: EngineCall): boolean => call === 'update' || call === 'unload';

/** The number that the kernel gives the thread that calls this. [proc(5), /proc/thread-self] */
export const ownThread = (): number => Number(basename(readlinkSync('/proc/thread-self')));

/** Whether a thread may be given the lowest priority and raised again: only Linux has priorities of threads, and only root may raise them. */
export const mayYield = (): boolean => process.platform === 'linux' && process.getuid?.() === 0;

/**
 * With the lowest priority a thread gets next to nothing of a processor that is busy all the time: on a board of one core a
 * stage would never be loaded. So who has waited gets more: beside two others that compute all the time 5 % of a processor,
 * then 14 %. [sched(7): weights 1024 for 0, 15 for 19, 110 for 10, 335 for 5]
 */
const RAISES = [
  { afterSeconds: 10, priority: constants.priority.PRIORITY_BELOW_NORMAL },
  { afterSeconds: 30, priority: 5 },
] as const;

/** Raises the thread's priority step by step. @returns what ends that */
export function raiseSlowly(thread: number, raises: readonly { afterSeconds: number; priority: number }[] = RAISES) {
  const timers = raises.map(({ afterSeconds, priority }) =>
    setTimeout(() => raise(thread, priority), 1000 * afterSeconds).unref(),
  );
  return (): void => {
    for (const timer of timers) clearTimeout(timer);
  };
}

function raise(thread: number, priority: number): void {
  try {
    setPriority(thread, priority);
  } catch {
    // It has ended.
  }
}
