import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { labsRoot } from '../../cli/lab/directory.ts';

/** A board of a lab that another process keeps. */
export interface LabBoardProcess {
  readonly namespace: string;
  readonly pids: readonly number[];
}

/** Something that goes on beside a run until the signal says so, and is then undone. */
export type Disturbance = (board: LabBoardProcess, signal: AbortSignal) => Promise<void>;

/** The namespace of a board in the lab of a running `flotilla train --scenario`, and the processes in it. */
export async function boardOfLab(keeper: number, board: string): Promise<LabBoardProcess> {
  const id = (await readdir(labsRoot())).find((name) => name.startsWith(`${keeper}-`));
  const namespace = `flotilla-${id}-${board}`;
  const { stdout } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
  return { namespace, pids: stdout.trim().split('\n').filter(Boolean).map(Number) };
}

const sleep = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  wait(milliseconds, undefined, { signal }).catch(() => {});

/** The cable is out for 3 s every 20 s. */
export const dropping: Disturbance = async ({ namespace }, signal) => {
  const set = (state: 'up' | 'down') => spawnSync('ip', ['-n', namespace, 'link', 'set', 'eth0', state]);
  await sleep(2_000, signal);
  while (!signal.aborted) {
    set('down');
    await sleep(3_000, signal);
    set('up');
    await sleep(17_000, signal);
  }
};

/** The board reads nothing for a second, every three. */
export const standing: Disturbance = async ({ pids }, signal) => {
  const send = (name: NodeJS.Signals) => {
    for (const pid of pids) {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended.
      }
    }
  };
  while (!signal.aborted) {
    await sleep(2_000, signal);
    send('SIGSTOP');
    await sleep(1_000, signal);
    send('SIGCONT');
  }
};

export const nothing: Disturbance = async () => {};

/** Resident memory of a process in bytes; 0 where it is gone. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(join('/proc', String(pid), 'status'), 'utf8').catch(() => '');
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
}
