import { parentPort } from 'node:worker_threads';
import { signal } from '../processes.ts';
import { type CpuClock, openCpuClock } from './cpu-time.ts';
import { type Credit, initialCredit, settle } from './credit.ts';
import type { DutyCommand, DutyUse } from './types.ts';

/** How often a board's use is looked at: a fifth of a period. */
const TICK_MILLISECONDS = 2;

interface Held {
  quota: number;
  readonly clock: CpuClock;
  readonly since: number;
  readonly usedBefore: number;
  credit: Credit;
  used: number;
  lookedAt: number;
  stoppedSeconds: number;
}

const boards = new Map<number, Held>();
const port = parentPort!;

port.on('message', (command: DutyCommand) => {
  switch (command.kind) {
    case 'hold':
      return hold(command.pid, command.quota);
    case 'release':
      return release(command.pid);
    case 'report':
      return port.postMessage([...boards].map(([pid, held]) => useOf(pid, held)));
    case 'end':
      for (const pid of [...boards.keys()]) release(pid);
      clearInterval(timer);
      return port.close();
    default:
      command satisfies never;
  }
});

const timer = setInterval(() => {
  for (const [pid, held] of boards) look(pid, held);
}, TICK_MILLISECONDS);

/** A board that is held already gets another share. */
function hold(pid: number, quota: number): void {
  const known = boards.get(pid);
  if (known !== undefined) {
    known.quota = quota;
    return;
  }
  const at = seconds();
  const clock = openCpuClock(pid);
  const used = clock.read() ?? 0;
  const held = { quota, clock, since: at, usedBefore: used, lookedAt: at, used };
  boards.set(pid, { ...held, credit: initialCredit, stoppedSeconds: 0 });
}

function release(pid: number): void {
  const held = boards.get(pid);
  if (held === undefined) return;
  boards.delete(pid);
  held.clock.close();
  signal(pid, 'SIGCONT');
}

/** Stops the board where it has used what it may, and lets it go on where it may again. */
function look(pid: number, held: Held): void {
  const at = seconds();
  const elapsed = at - held.lookedAt;
  const wasStopped = held.credit.stopped;
  const used = held.clock.read();
  if (used === undefined) {
    boards.delete(pid);
    held.clock.close();
    return;
  }
  held.credit = settle(held.credit, held.quota, elapsed, used - held.used);
  held.used = used;
  held.lookedAt = at;
  if (wasStopped) held.stoppedSeconds += elapsed;
  if (held.credit.stopped !== wasStopped) signal(pid, held.credit.stopped ? 'SIGSTOP' : 'SIGCONT');
}

function useOf(pid: number, { used, usedBefore, stoppedSeconds, since }: Held): DutyUse {
  return { pid, cpuSeconds: used - usedBefore, throttledShare: stoppedSeconds / Math.max(1e-9, seconds() - since) };
}

function seconds(): number {
  return performance.now() / 1000;
}
