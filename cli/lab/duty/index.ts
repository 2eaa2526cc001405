import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { DutyCommand, DutyUse } from './types.ts';

export type { DutyUse } from './types.ts';

/** Holds processes to a share of a core without any rights but to signal them. */
export interface DutyCycle {
  hold(pid: number, quota: number): void;
  /** Lets it run free: before it is asked to end. */
  release(pid: number): void;
  uses(): Promise<readonly DutyUse[]>;
  /** Releases all. */
  close(): Promise<void>;
}

/** In a thread of its own: what the caller computes does not keep a board from being stopped in time. */
export function startDutyCycle(): DutyCycle {
  const worker = new Worker(new URL('./worker.ts', import.meta.url));
  const ended = once(worker, 'exit');
  const tell = (command: DutyCommand) => worker.postMessage(command);
  worker.unref();
  return {
    hold: (pid, quota) => tell({ kind: 'hold', pid, quota }),
    release: (pid) => tell({ kind: 'release', pid }),
    async uses() {
      // Only while somebody waits for it does the thread keep the process alive.
      worker.ref();
      const answer = once(worker, 'message');
      tell({ kind: 'report' });
      const [uses] = (await Promise.race([answer, ended.then(() => [[]])])) as [readonly DutyUse[]];
      worker.unref();
      return uses;
    },
    async close() {
      worker.ref();
      tell({ kind: 'end' });
      await ended;
    },
  };
}
