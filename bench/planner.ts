import { parseArgs } from 'node:util';
import { randomStream } from '../models/index.ts';
import {
  assignmentOf,
  type BlockCost,
  baselines,
  definePartition,
  fullEffort,
  type PartitionRequest,
  partition,
  type ScheduleName,
  simulate,
  stepSeconds,
  timesFromFlops,
} from '../planner/index.ts';
import { exhaustive, randomRequest } from '../test/planner/partition/exhaustive.ts';
import { median } from './statistics.ts';

const BLOCKS = 200;
const fleets = [8, 10, 64, 256] as const;
const MICRO_BATCHES = 16;

/**
 * How long the planner takes for 200 blocks on fleets of unequal boards, how far from the best its plan can be, and
 * whether it equals an exhaustive search on small problems. Numbers are defined in METHODOLOGY.md.
 */
export async function plannerBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      oracle: { type: 'string', default: '500' },
      full: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const cases = fleets.map((boards) => timeFleet(boards, rounds, values.full));
  return { cases, oracle: compareWithOracle(Number(values.oracle)) };
}

function timeFleet(boards: number, rounds: number, full: boolean) {
  // The first problem of a size warms the compiler up and is not counted.
  const timed = Array.from({ length: rounds + 1 }, (_, round) => timePlan(fleetRequest(boards, round))).slice(1);
  const bests =
    full && boards <= 8
      ? timed.map(({ request, seconds }) => seconds / partition(request, fullEffort).stepSeconds)
      : [];
  return {
    blocks: BLOCKS,
    boards,
    milliseconds: round3(median(timed.map(({ milliseconds }) => milliseconds))),
    worstMilliseconds: round3(Math.max(...timed.map(({ milliseconds }) => milliseconds))),
    gapToBound: round3(median(timed.map(({ gap }) => gap))),
    worstGapToBound: round3(Math.max(...timed.map(({ gap }) => gap))),
    timesAsFastAsBestBaseline: round3(median(timed.map(({ gain }) => gain))),
    belowSimulated: round3(median(timed.map(({ below }) => below))),
    ...(bests.length === 0
      ? {}
      : { overTrueBest: round3(median(bests) - 1), worstOverTrueBest: round3(Math.max(...bests) - 1) }),
  };
}

function timePlan(request: PartitionRequest) {
  const start = performance.now();
  const result = partition(request);
  const milliseconds = performance.now() - start;
  const problem = definePartition(request);
  const splits = Object.values(baselines).flatMap((baseline) => baseline(problem) ?? []);
  const best = Math.min(...Object.values(baselines).map((baseline) => stepOf(problem, baseline(problem))));
  if (splits.length > 0 && result.stepSeconds > best * (1 + 1e-9))
    throw new Error('a baseline is better than the plan');
  const simulated = simulate(problem, assignmentOf(problem, result)).stepSeconds;
  return {
    request,
    seconds: result.stepSeconds,
    milliseconds,
    gap: result.stepSeconds / result.boundSeconds - 1,
    gain: best / result.stepSeconds,
    below: 1 - result.stepSeconds / simulated,
  };
}

function stepOf(problem: ReturnType<typeof definePartition>, split: ReturnType<(typeof baselines)['even']>): number {
  return split === undefined ? Number.POSITIVE_INFINITY : stepSeconds(problem, split);
}

/** A deep convolutional network (tensors shrink towards its end) on boards of 8 times different speeds. */
function fleetRequest(boards: number, round: number): PartitionRequest {
  const random = randomStream('bench planner', boards, round);
  const blocks = Array.from({ length: BLOCKS }, (_, index): BlockCost => {
    const depth = index / BLOCKS;
    const forwardFlops = 50e6 * (0.5 + random.uniform());
    const outputBytes = 1e6 * 0.05 ** depth;
    return {
      name: `block${index}`,
      forwardFlops,
      backwardFlops: 2 * forwardFlops,
      parameterBytes: 1e5 * (1 + 20 * depth),
      optimizerBytes: 1e5 * (1 + 20 * depth),
      stashBytesPerMicroBatch: 2 * outputBytes,
      workspaceBytes: 1e6,
      outputBytes,
    };
  });
  return {
    blocks,
    boards: Array.from({ length: boards }, (_, index) => ({
      ...timesFromFlops(
        { id: `board${index}`, flopsPerSecond: 10e9 * 8 ** random.uniform(), memoryBytes: 2e9 },
        blocks,
      ),
      callSeconds: 5e-4,
    })),
    microBatches: MICRO_BATCHES,
    schedule: '1f1b' satisfies ScheduleName,
  };
}

function compareWithOracle(count: number) {
  const stream = randomStream('bench planner', 'oracle');
  const tally = { cases: count, equal: 0, infeasible: 0, proven: 0, largestDifference: 0 };
  for (let round = 0; round < count; round++) {
    const request = randomRequest(() => stream.uniform());
    const expected = exhaustive(definePartition(request));
    const found = attempt(request);
    if (expected === undefined) {
      tally.infeasible++;
      if (found === undefined) tally.equal++;
      continue;
    }
    const difference =
      found === undefined
        ? Number.POSITIVE_INFINITY
        : Math.abs(found.stepSeconds - expected) / Math.max(1e-300, expected);
    tally.largestDifference = Math.max(tally.largestDifference, difference);
    if (difference <= 1e-9) tally.equal++;
    if (found !== undefined && found.boundSeconds >= found.stepSeconds * (1 - 1e-9)) tally.proven++;
  }
  return tally;
}

function attempt(request: PartitionRequest) {
  try {
    return partition(request);
  } catch {
    return undefined;
  }
}

const round3 = (value: number) => Math.round(1000 * value) / 1000;
