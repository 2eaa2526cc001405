import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { readCheckpoint } from '../../agent/index.ts';
import { inTemporaryDirectory, lossesOf, type Running, startFlotilla } from '../fleet/helpers.ts';
import { boardOfLab, type Disturbance, type LabBoardProcess, nothing, residentBytes } from './disturbances.ts';

/** So many steps, or as many as there are in so many seconds. */
export type Length = { readonly steps: number } | { readonly seconds: number };

export interface DisturbedCase {
  readonly title: string;
  /** As a scenario says it. */
  readonly link: string;
  readonly disturb: Disturbance;
}

export const undisturbed: DisturbedCase = { title: 'undisturbed', link: 'rate: 200 Mbit/s', disturb: nothing };

export interface Ran {
  readonly losses: readonly number[];
  /** Resident bytes of each board, once a second from the first step on. */
  readonly memory: Readonly<Record<BoardName, readonly number[]>>;
}

const boardNames = ['a', 'b'] as const;
export type BoardName = (typeof boardNames)[number];

/** More than are done in any time that somebody waits for; the learning rate's schedule is the same for all of them. */
const ENDLESS = 1_000_000;
const SAMPLE_MILLISECONDS = 1_000;
/** Beyond the time that the run itself is given. */
const DEADLINE_SECONDS = 240;
const EXIT_INTERRUPTED = 130;
const small = ['--model', 'cifarnet', '--batch', '16', '--micro-batches', '4', '--test-limit', '16'];

/** Trains on two boards of a lab, of which b is disturbed from the first step on. */
export async function runDisturbed({ link, disturb }: DisturbedCase, length: Length): Promise<Ran> {
  return inTemporaryDirectory(async (root) => {
    const scenario = join(root, 'lab.yaml');
    await writeFile(scenario, `link: { ${link} }\nboards:\n  - { name: a }\n  - { name: b }\n`);
    const out = join(root, 'out');
    const steps = 'steps' in length ? length.steps : ENDLESS;
    const words = ['train', ...small, '--steps', String(steps), '--scenario', scenario, '--out', out];
    const seconds = 'seconds' in length ? length.seconds : 0;
    const deadlineMilliseconds = 1000 * (seconds + DEADLINE_SECONDS);
    const run = startFlotilla([...words, '--split', '0-3,4-6'], { deadlineMilliseconds });
    const over = new AbortController();
    try {
      await run.said(/samples\/s|step +\d+|loss/);
      const [a, b] = await Promise.all(boardNames.map((name) => boardOfLab(run.pid, name)));
      const disturbed = disturb(b!, over.signal);
      const watched = Promise.all([a!, b!].map((board) => watchMemory(board, over.signal)));
      await ('seconds' in length ? runFor(run, length.seconds) : run.ended);
      over.abort();
      await disturbed;
      const [ofA, ofB] = await watched;
      const losses = await ('seconds' in length ? stopped(run, out) : finished(run, out));
      return { losses, memory: { a: ofA!, b: ofB! } };
    } finally {
      over.abort();
      run.kill('SIGTERM');
      await run.ended;
    }
  });
}

async function runFor({ ended }: Running, seconds: number): Promise<void> {
  const timer = new AbortController();
  const time = wait(1000 * seconds, undefined, { signal: timer.signal }).catch(() => {});
  await Promise.race([time, ended]);
  timer.abort();
}

async function finished({ ended }: Running, out: string): Promise<readonly number[]> {
  const { code, stderr } = await ended;
  if (code !== 0) throw new Error(`the run ended with ${code}:\n${stderr}`);
  return lossesOf(out);
}

/** Stops it after the step under way; what it came to is in its last checkpoint. */
async function stopped(run: Running, out: string): Promise<readonly number[]> {
  run.kill('SIGINT');
  const { code, stderr } = await run.ended;
  if (code !== EXIT_INTERRUPTED) throw new Error(`the run ended with ${code} before it was stopped:\n${stderr}`);
  const { state } = await readCheckpoint(join(out, 'checkpoints'));
  return state.losses;
}

async function watchMemory({ pids }: LabBoardProcess, signal: AbortSignal): Promise<readonly number[]> {
  const memory: number[] = [];
  while (!signal.aborted) {
    const bytes = Math.max(0, ...(await Promise.all(pids.map(residentBytes))));
    if (bytes > 0) memory.push(bytes);
    await wait(SAMPLE_MILLISECONDS, undefined, { signal }).catch(() => {});
  }
  return memory;
}

/** Seconds, and as many samples. */
const WARM_UP = 60;
/** Samples that the largest is taken of, at the beginning and at the end. */
const SPAN = 10;

/** Bytes by which memory grew after the first minute; 0 where it was watched no longer. */
export function growthOf(memory: readonly number[]): number {
  const settled = memory.slice(WARM_UP);
  return settled.length < 2 ? 0 : Math.max(...settled.slice(-SPAN)) - Math.max(...settled.slice(0, SPAN));
}
