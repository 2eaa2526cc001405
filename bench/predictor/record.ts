import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { boards } from './boards.ts';

const program = join(import.meta.dirname, 'record-board.ts');
export const recordingParts = ['blocks', 'stages', 'calibration'] as const;
export type RecordingPart = (typeof recordingParts)[number];

/** Longer takes no board. */
const deadlineMilliseconds = 600_000;

/**
 * glibc gives large tensors back to the kernel after each run and gets them again, page by page, unless it is told to
 * keep them: without this, times scatter by a third from one process to the next.
 */
const keepMemory = {
  MALLOC_TRIM_THRESHOLD_: '2000000000',
  MALLOC_MMAP_THRESHOLD_: '1000000000',
  MALLOC_TOP_PAD_: '67108864',
};

/** Adds a round to the recording of each board that is named, each in a process of its own. */
export async function record(
  directory: string,
  names: readonly string[],
  parts: readonly RecordingPart[],
): Promise<void> {
  mkdirSync(directory, { recursive: true });
  for (const part of parts) {
    for (const { name } of boards.filter((board) => names.includes(board.name))) {
      await recordBoard(name, join(directory, `${name}.json`), part);
    }
  }
}

async function recordBoard(name: string, file: string, part: RecordingPart): Promise<void> {
  const child = spawn(process.execPath, [program, name, file, part], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...keepMemory, ORT_DISABLE_TELEMETRY: '1' },
    timeout: deadlineMilliseconds,
    killSignal: 'SIGKILL',
  });
  const [code] = await once(child, 'exit');
  removeLeftGroup(child.pid!);
  if (code !== 0) throw new Error(`recording ${name} (${part}) ended with ${code}`);
}

/** A child that was killed could not remove its control group. */
function removeLeftGroup(pid: number): void {
  const outer = `/sys/fs/cgroup/cpu/flotilla-predictor-${pid}`;
  for (const group of [join(outer, 'board'), join(outer, 'neighbour'), outer]) if (existsSync(group)) rmdirSync(group);
}
