import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { boardsOf, inTemporaryDirectory, startFlotilla } from '../test/fleet/helpers.ts';
import { median, spread } from './statistics.ts';

const faults = { killed: 'SIGKILL', silent: 'SIGSTOP' } as const;
type Fault = keyof typeof faults;

/**
 * Of each model: steps enough for a state to be held before the loss, and for the run to catch up after it; seconds from the
 * first step told to the fault, in which a state is held. The first is taken later where there is more of it.
 */
const sizesOf: Readonly<Record<string, { readonly steps: number; readonly calmSeconds: number }>> = {
  cifarnet: { steps: 80, calmSeconds: 6 },
  resnet18: { steps: 60, calmSeconds: 20 },
  vgg11: { steps: 140, calmSeconds: 16 },
};
const otherwise = { steps: 40, calmSeconds: 6 };
const DEADLINE_MILLISECONDS = 200_000;
const LARGEST_DIFFERENCE = 1e-5;

interface Round {
  readonly detectSeconds: number;
  readonly restoreSeconds: number;
  readonly redoneSteps: number;
  readonly totalSeconds: number;
}

interface RunRecord {
  readonly losses: readonly number[];
  readonly recoveries: readonly {
    readonly step: number;
    readonly fromStep: number;
    readonly at: number;
    readonly trainingAt: number;
    readonly caughtUpAt: number;
  }[];
}

/** What the loss of a board costs a run on four boards of this machine. Numbers are defined in METHODOLOGY.md. */
export async function recoverBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      models: { type: 'string', default: 'cifarnet,resnet18,vgg11' },
      faults: { type: 'string', default: 'killed,silent' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const cases = [];
  for (const model of values.models.split(',')) {
    const undisturbed = (await train(model, 1)).losses;
    for (const fault of values.faults.split(',') as Fault[]) {
      const rounds: Round[] = [];
      for (let round = 0; round < Number(values.rounds); round += 1) {
        rounds.push(await lose(model, fault, undisturbed));
        console.error(`${model}, ${fault}: ${JSON.stringify(rounds.at(-1))}`);
      }
      const middle = (key: keyof Round) => median(rounds.map((round) => round[key]));
      cases.push({
        model,
        fault,
        detectSeconds: middle('detectSeconds'),
        restoreSeconds: middle('restoreSeconds'),
        redoneSteps: middle('redoneSteps'),
        totalSeconds: middle('totalSeconds'),
        detectSpread: spread(rounds.map(({ detectSeconds }) => detectSeconds)),
        restoreSpread: spread(rounds.map(({ restoreSeconds }) => restoreSeconds)),
      });
    }
  }
  return { rounds: Number(values.rounds), cases };
}

/** One run that loses its second board. @throws where its losses are not those of the undisturbed run */
async function lose(model: string, fault: Fault, undisturbed: readonly number[]): Promise<Round> {
  let lostAt = Number.NaN;
  let toldAt = Number.NaN;
  const { losses, recoveries } = await train(model, 4, async ({ pid, said }) => {
    await said(/samples\/s/);
    await pause(1000 * (sizesOf[model] ?? otherwise).calmSeconds);
    const victim = (await boardsOf(pid)).find(({ board }) => board === 'board2')!.pid;
    process.kill(victim, faults[fault]);
    lostAt = performance.now();
    await said(/Going on from step/);
    toldAt = performance.now();
    if (fault === 'silent') process.kill(victim, 'SIGKILL');
  });
  for (const [step, loss] of undisturbed.entries()) {
    const difference = Math.abs(losses[step]! - loss) / Math.abs(loss);
    if (!(difference <= LARGEST_DIFFERENCE))
      throw new Error(`${model}: the loss of step ${step} is ${losses[step]}, not ${loss}`);
  }
  const recovery = recoveries[0]!;
  const detectSeconds = (toldAt - lostAt) / 1000;
  return {
    detectSeconds,
    restoreSeconds: recovery.trainingAt - recovery.at,
    redoneSteps: recovery.step - recovery.fromStep,
    totalSeconds: detectSeconds + recovery.caughtUpAt - recovery.at,
  };
}

async function train(
  model: string,
  boards: number,
  disturb: (run: ReturnType<typeof startFlotilla>) => Promise<void> = async () => {},
): Promise<RunRecord> {
  return inTemporaryDirectory(async (root) => {
    const { steps } = sizesOf[model] ?? otherwise;
    const out = join(root, 'out');
    const sizes = ['--steps', steps, '--batch', 16, '--micro-batches', 4, '--train-limit', 400, '--test-limit', 10];
    const words = [
      'train',
      '--model',
      model,
      '--boards',
      boards,
      '--checkpoint-every',
      0,
      '--lr',
      0.01,
      ...sizes,
      '--out',
      out,
    ];
    const run = startFlotilla(words.map(String), { deadlineMilliseconds: DEADLINE_MILLISECONDS });
    try {
      await disturb(run);
      const { code, stderr } = await run.ended;
      if (code !== 0) throw new Error(`${model} on ${boards} boards ended with ${code}: ${stderr}`);
      return JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as RunRecord;
    } finally {
      run.kill('SIGKILL');
      await run.ended;
    }
  });
}
