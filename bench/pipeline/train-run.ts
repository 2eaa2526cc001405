import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan } from '../../planner/index.ts';

const program = join(import.meta.dirname, '..', '..', 'cli', 'flotilla.js');
/** Until a run is told to end; it then removes its lab. */
const PATIENCE_MILLISECONDS = 400_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface TrainWish {
  readonly model: string;
  /** Text of the scenario file. */
  readonly scenario: string;
  readonly batch: number;
  readonly microBatches: number;
  readonly steps: number;
  /** Steps whose time is not counted: the first, which warms up, at least. */
  readonly warmUps: number;
  /** As `--split` takes it; the planner chooses when absent. */
  readonly split?: string;
  /** As `--codec` takes it; tensors travel as they are when absent. */
  readonly codec?: string;
  /** Seconds that boards measure themselves for; as the program decides when absent. */
  readonly survey?: number;
}

export interface TrainRun {
  /** Mean over the steps after the warm-up. */
  readonly stepSeconds: number;
  readonly samplesPerSecond: number;
  readonly losses: readonly number[];
  /** What the plan expected of a step. */
  readonly predictedSeconds: number;
  /** Blocks of each board, as `--split` says them. */
  readonly split: string;
  /** In the order of the pipeline. */
  readonly boards: readonly string[];
}

interface RunRecord {
  readonly stepSeconds: readonly number[];
  readonly losses: readonly number[];
  readonly plan: Pick<Plan, 'stages' | 'predictedStepSeconds'>;
}

/** One `flotilla train` in a lab of its own. */
export async function trainRun(wish: TrainWish): Promise<TrainRun> {
  const { model, scenario, batch, microBatches, steps, warmUps, split, survey, codec } = wish;
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-bench-'));
  try {
    const file = join(directory, 'lab.yaml');
    await writeFile(file, scenario);
    const out = join(directory, 'out');
    const sizes = ['--batch', batch, '--micro-batches', microBatches, '--steps', steps, '--test-limit', 1].map(String);
    // A few steps say nothing of what captures of state cost in a long run, where they are rare; here they would be in each.
    const captures = ['--checkpoint-every', '0', '--replicate-every', '1000000'];
    const words = ['train', '--model', model, '--scenario', file, '--out', out, ...captures, ...sizes];
    const wishes = Object.entries({ split, survey, codec }).filter(([, value]) => value !== undefined);
    await flotilla([...words, ...wishes.flatMap(([name, value]) => [`--${name}`, String(value)])]);
    const record = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as RunRecord;
    const counted = record.stepSeconds.slice(warmUps - 1);
    const stepSeconds = counted.reduce((sum, seconds) => sum + seconds, 0) / counted.length;
    return {
      stepSeconds,
      samplesPerSecond: batch / stepSeconds,
      losses: record.losses,
      predictedSeconds: record.plan.predictedStepSeconds ?? Number.NaN,
      boards: record.plan.stages.map(({ board }) => board),
      split: record.plan.stages.map(({ firstBlock, lastBlock }) => `${firstBlock}-${lastBlock}`).join(','),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function flotilla(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
    timeout: PATIENCE_MILLISECONDS,
    killSignal: 'SIGTERM',
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_000);
    });
  }
  // Whoever ends the bench ends the lab, which then removes what it has made.
  const pass = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, pass);
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  for (const signal of SIGNALS) process.off(signal, pass);
  if (code !== 0) throw new Error(`flotilla ${args.join(' ')} ended with ${code}:\n${said}`);
}
