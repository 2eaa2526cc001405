import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan } from '../../planner/index.ts';
import { flotilla } from '../flotilla.ts';

/** Until a run is told to end; it then removes its lab. */
const PATIENCE_SECONDS = 400;

export interface LabWish {
  readonly model: string;
  /** Text of the scenario file. */
  readonly scenario: string;
  readonly batch: number;
  readonly microBatches: number;
  readonly steps: number;
  /** More words for `train`. */
  readonly words?: readonly string[];
  readonly patienceSeconds?: number;
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
  /** The last one. */
  readonly plan: Pick<Plan, 'stages' | 'schedule' | 'predictedStepSeconds' | 'codecs'>;
}

/** One `flotilla train` in a lab of its own, without checkpoints. Needs root where the scenario has links. */
export async function labRun(wish: LabWish): Promise<LabRecord> {
  const { model, scenario, batch, microBatches, steps, words = [], patienceSeconds = PATIENCE_SECONDS } = wish;
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-bench-'));
  try {
    const file = join(directory, 'lab.yaml');
    await writeFile(file, scenario);
    const out = join(directory, 'out');
    const sizes = ['--batch', batch, '--micro-batches', microBatches, '--steps', steps, '--test-limit', 1].map(String);
    const all = ['train', '--model', model, '--scenario', file, '--out', out, '--checkpoint-every', '0', ...sizes];
    await flotilla([...all, ...words], patienceSeconds);
    return JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as LabRecord;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
