import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { boards, type EmulatedBoard } from './boards.ts';

const program = join(import.meta.dirname, 'record-boards.ts');

/** Longer takes no group of boards. */
const deadlineMilliseconds = 3_600_000;

/**
 * glibc gives large tensors back to the kernel after each run and gets them again, page by page, unless it is told to
 * keep them: without this, times scatter by a third from one process to the next.
 */
const keepMemory = {
  MALLOC_TRIM_THRESHOLD_: '2000000000',
  MALLOC_MMAP_THRESHOLD_: '1000000000',
  MALLOC_TOP_PAD_: '67108864',
};

export interface RecordOptions {
  readonly directory: string;
  /** Names of emulated boards. */
  readonly names: readonly string[];
  readonly rounds: number;
  /** A file that is locked while a round is measured (flock). */
  readonly lock?: string | undefined;
}

/** Adds rounds, and a calibration, to the recording of each board that is named: a process for each kind of engine. */
export async function record({ directory, names, rounds, lock }: RecordOptions): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const wanted = boards.filter(({ name }) => names.includes(name));
  const engineOf = ({ threads, layout, arena }: EmulatedBoard) => `${threads} ${layout} ${arena}`;
  for (const group of Map.groupBy(wanted, engineOf).values()) {
    await recordGroup([directory, String(rounds), lock ?? '-', ...group.map(({ name }) => name)]);
  }
}

async function recordGroup(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...keepMemory, ORT_DISABLE_TELEMETRY: '1' },
    timeout: deadlineMilliseconds,
    killSignal: 'SIGKILL',
  });
  const [code] = await once(child, 'exit');
  removeLeftGroup(child.pid!);
  if (code !== 0) throw new Error(`recording ${args.slice(3).join(', ')} ended with ${code}`);
}

/** A child that was killed could not remove its control group. */
function removeLeftGroup(pid: number): void {
  const outer = `/sys/fs/cgroup/cpu/flotilla-predictor-${pid}`;
  const inner = ['board', 'neighbour', 'filler'].map((name) => join(outer, name));
  for (const group of [...inner, outer]) if (existsSync(group)) rmdirSync(group);
}
