import type { ProfileMeasurement } from '../predictor/index.ts';
import { sum } from '../statistics.ts';
import type { BlockTimes } from '../times.ts';
import { covarianceOf, errorsOf, nearnessOf, type Run, weightsOf } from './corrections-prior.ts';
import { solved } from './linear-system.ts';

type Measured = Pick<ProfileMeasurement, 'firstBlock' | 'lastBlock' | 'pass' | 'seconds'>;

/** What a board is predicted to take, and the stages that it has measured. */
export interface MeasuredBoard {
  readonly blocks: readonly BlockTimes[];
  readonly callSeconds: number;
  readonly stages: readonly Measured[];
}

const passes = ['forward', 'backward', 'update'] as const satisfies readonly (keyof BlockTimes)[];

/** Of the logarithm of a measurement: boards measure for a second or two while others do, too. */
const NOISE = 0.04;
/** The sum over a stage is not linear in the logarithms of its blocks: steps of Gauss and Newton. */
const ROUNDS = 3;

/**
 * Each board's block times after some have measured whole stages. What predictions are off by is taken to be partly the
 * board's, for all blocks; partly the model's, alike for blocks near each other and on every board; and partly both's: the
 * most probable such errors under what was measured (a Gaussian process over the logarithms).
 */
export function correctedByStages(boards: readonly MeasuredBoard[]): readonly (readonly BlockTimes[])[] {
  const [forward, backward, update] = passes.map((pass) => corrected(boards, pass)) as [Times, Times, Times];
  return boards.map(({ blocks }, board) =>
    blocks.map((times, block) => ({
      ...times,
      forward: forward[board]![block]!,
      backward: backward[board]![block]!,
      update: update[board]![block]!,
    })),
  );
}

/** Seconds by board and block. */
type Times = readonly (readonly number[])[];

function corrected(boards: readonly MeasuredBoard[], pass: (typeof passes)[number]): Times {
  const predicted = boards.map(({ blocks }) => blocks.map((times) => times[pass]));
  const measured = boards.flatMap((board, index) => runsOf(board, index, pass, predicted[index]!));
  if (measured.length === 0) return predicted;
  let times: Times = predicted;
  for (let round = 0; round < ROUNDS; round++) times = improved(predicted, times, measured);
  return times;
}

interface MeasuredRun extends Run {
  /** Without the call. */
  readonly seconds: number;
}

/** The board's measurements that say something of a pass: what takes no time is not told longer by any. */
function runsOf(
  { stages, callSeconds }: MeasuredBoard,
  board: number,
  pass: (typeof passes)[number],
  times: readonly number[],
): MeasuredRun[] {
  return stages.flatMap(({ firstBlock, lastBlock, seconds, pass: of }) => {
    const own = seconds - callSeconds;
    const run = { board, firstBlock, lastBlock };
    return of !== pass || own <= 0 || totalOf(times, run) <= 0 ? [] : [{ ...run, seconds: own }];
  });
}

/** One step of Gauss and Newton from `times`, whose errors are the logarithms of what they are of `predicted`. */
function improved(predicted: Times, times: Times, measured: readonly MeasuredRun[]): Times {
  const blocks = predicted[0]!.length;
  const runs = measured.map((run) => {
    const weighted = { ...run, weights: weightsOf(times[run.board]!, run) };
    return { ...weighted, nearness: nearnessOf(weighted, blocks) };
  });
  const surprises = runs.map((run) => {
    const { board, firstBlock, weights, seconds } = run;
    const already = weights.map((weight, at) => {
      const block = firstBlock + at;
      return weight === 0 ? 0 : weight * Math.log(times[board]![block]! / predicted[board]![block]!);
    });
    return Math.log(seconds / totalOf(times[board]!, run)) + sum(already);
  });
  const among = runs.map((run, row) =>
    runs.map((other, column) => covarianceOf(run, run.nearness, other) + (row === column ? NOISE ** 2 : 0)),
  );
  const shares = solved(among, surprises);
  const errors = errorsOf(
    runs.map((run, index) => ({ ...run, share: shares[index]! })),
    predicted.length,
    blocks,
  );
  return predicted.map((own, board) => own.map((seconds, block) => seconds * Math.exp(errors[board]![block]!)));
}

function totalOf(times: readonly number[], { firstBlock, lastBlock }: Run): number {
  return sum(times.slice(firstBlock, lastBlock + 1));
}
