import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const controller = '/sys/fs/cgroup/cpu';
/** Short, so that a small quota is slow and not bursty. */
const periodMicroseconds = 10_000;
/** What an ordinary process has is 1024: with this much, other work on the machine takes 5 % of a core at most. */
const shares = 20_480;

/** The emulated board's control group. */
export interface Quota {
  /** Puts this process under its quota. */
  enter(): void;
  /** Takes it out again, to prepare something that is not measured. */
  leave(): void;
  /** Puts another process beside it. */
  admitNeighbour(pid: number): void;
  /** Puts a process where it has what the board and its neighbour leave. */
  admitFiller(pid: number): void;
}

/**
 * Runs `use` in a control group that other work on the machine hardly disturbs, and removes it, whatever happens. Inside
 * it the board has a group with its quota (`share` of a core), its neighbour one of the same weight, and fillers one of the
 * least.
 */
export async function withQuota<T>(share: number | undefined, use: (quota: Quota) => Promise<T>): Promise<T> {
  if (!existsSync(join(controller, 'cpu.cfs_quota_us'))) {
    throw new Error(`${controller} has no CPU quotas (cgroup v1): boards cannot be emulated here`);
  }
  const outer = join(controller, `flotilla-predictor-${process.pid}`);
  const board = join(outer, 'board');
  const neighbour = join(outer, 'neighbour');
  const filler = join(outer, 'filler');
  const move = (to: string, pid = process.pid) => writeFileSync(join(to, 'cgroup.procs'), String(pid));
  try {
    mkdirSync(outer);
    writeFileSync(join(outer, 'cpu.shares'), String(shares));
    for (const group of [board, neighbour, filler]) mkdirSync(group);
    writeFileSync(join(filler, 'cpu.shares'), '2');
    if (share !== undefined) {
      writeFileSync(join(board, 'cpu.cfs_period_us'), String(periodMicroseconds));
      writeFileSync(join(board, 'cpu.cfs_quota_us'), String(Math.round(share * periodMicroseconds)));
    }
    move(outer);
    return await use({
      enter: () => move(board),
      leave: () => move(outer),
      admitNeighbour: (pid) => move(neighbour, pid),
      admitFiller: (pid) => move(filler, pid),
    });
  } finally {
    move(controller);
    for (const group of [board, neighbour, filler, outer]) await removeGroup(group);
  }
}

/** The kernel counts a process that has just left, or ended, for a moment. */
async function removeGroup(group: string): Promise<void> {
  for (let attempt = 0; attempt < 100 && existsSync(group); attempt++) {
    try {
      rmdirSync(group);
    } catch {
      await wait(20);
    }
  }
  if (existsSync(group)) throw new Error(`the control group ${group} could not be removed`);
}
