import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { inTemporaryDirectory, startFlotilla } from '../../test/fleet/helpers.ts';

/** Where labs of root are written down, by the process that keeps each. [docs/lab.md] */
const LABS = '/run/flotilla-labs';
const DEADLINE_MILLISECONDS = 3_600_000;

export interface LabWish {
  readonly model: string;
  /** Text of the scenario file. */
  readonly scenario: string;
  readonly batch: number;
  readonly microBatches: number;
  readonly steps: number;
  /** More words for `train`. */
  readonly words?: readonly string[];
}

/** What a change of plan was like, as `run.json` tells it. Seconds of the hub's clock. */
export interface Change {
  readonly step: number;
  readonly fromStep: number;
  readonly at: number;
  readonly trainingAt?: number;
  readonly proposedAt?: number;
  readonly readyAt?: number;
  readonly movedBytes?: number;
}

export interface LabRecord {
  readonly losses: readonly number[];
  /** Of steps 1 and on, from the end of one to that of the next. */
  readonly stepSeconds: readonly number[];
  readonly recoveries: readonly Change[];
}

export interface LabRun {
  /** Resolves when so many steps are done. */
  stepsDone(steps: number): Promise<void>;
  /** Gives a board another share of a core, from now on. */
  setQuota(board: string, quota: number): Promise<void>;
}

/** One `flotilla train` in a lab of its own, whose boards may be made faster and slower meanwhile. Needs root. */
export async function labRun(wish: LabWish, disturb: (run: LabRun) => Promise<void>): Promise<LabRecord> {
  return inTemporaryDirectory(async (root) => {
    const file = join(root, 'lab.yaml');
    await writeFile(file, wish.scenario);
    const out = join(root, 'out');
    const { model, batch, microBatches, steps, words = [] } = wish;
    const sizes = ['--batch', batch, '--micro-batches', microBatches, '--steps', steps, '--test-limit', 1].map(String);
    const all = [
      'train',
      '--model',
      model,
      '--scenario',
      file,
      '--out',
      out,
      '--checkpoint-every',
      '0',
      ...sizes,
      ...words,
    ];
    const train = startFlotilla(all, { deadlineMilliseconds: DEADLINE_MILLISECONDS });
    try {
      await disturb({
        stepsDone: (done) => reached(train.text, train.ended, done),
        async setQuota(board, quota) {
          const group = await groupOf(train.pid, board);
          const period = Number(await readFile(join(group, 'cpu.cfs_period_us'), 'utf8'));
          await writeFile(join(group, 'cpu.cfs_quota_us'), String(Math.round(quota * period)));
        },
      });
      const { code, stderr } = await train.ended;
      if (code !== 0) throw new Error(`${all.join(' ')} ended with ${code}: ${stderr}`);
      return JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as LabRecord;
    } finally {
      train.kill('SIGTERM');
      await train.ended;
    }
  });
}

async function reached(text: () => string, ended: Promise<unknown>, steps: number): Promise<void> {
  let over = false;
  void ended.finally(() => {
    over = true;
  });
  while (!over) {
    const done = [...text().matchAll(/(\d+)\/\d+ {2}loss/g)].at(-1)?.[1] ?? 0;
    if (Number(done) >= steps) return;
    await pause(50);
  }
  throw new Error(`the run ended before ${steps} steps were done: ${text().slice(-2000)}`);
}

interface Description {
  readonly boards: readonly {
    readonly id: string;
    readonly group?: { readonly cpu?: { readonly version: 1 | 2; readonly directory: string } };
  }[];
}

/** The directory of a board's control group, in the lab that this process keeps. */
async function groupOf(keeper: number, board: string): Promise<string> {
  const lab = (await readdir(LABS)).find((name) => name.startsWith(`${keeper}-`));
  if (lab === undefined) throw new Error(`no lab of process ${keeper} is in ${LABS}`);
  const { boards } = JSON.parse(await readFile(join(LABS, lab, 'lab.json'), 'utf8')) as Description;
  const cpu = boards.find(({ id }) => id === board)?.group?.cpu;
  if (cpu?.version !== 1) throw new Error(`${board} has no control group of version 1`);
  return cpu.directory;
}
