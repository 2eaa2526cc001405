import type { BlockCost, Board, Plan } from '../../planner/index.ts';
import { createPlan, partition } from '../../planner/index.ts';

export { randomFrom as seededNumbers } from '../random.ts';

/** A block of 3 Mflops and little memory. */
export function aBlock(overrides: Partial<BlockCost> = {}): BlockCost {
  return {
    name: 'conv',
    forwardFlops: 1e6,
    backwardFlops: 2e6,
    parameterBytes: 1e6,
    optimizerBytes: 1e6,
    stashBytesPerMicroBatch: 1e6,
    workspaceBytes: 1e6,
    outputBytes: 1e5,
    ...overrides,
  };
}

/** Blocks of these forward and backward flops together, named block0, block1 … */
export function blocksOf(flops: readonly number[], overrides: Partial<BlockCost> = {}): readonly BlockCost[] {
  return flops.map((all, index) =>
    aBlock({ name: `block${index}`, forwardFlops: all / 3, backwardFlops: (all * 2) / 3, ...overrides }),
  );
}

/** A board of 1 Gflop/s and 1 GB. */
export function aBoard(overrides: Partial<Board> = {}): Board {
  return { id: 'pi', flopsPerSecond: 1e9, memoryBytes: 1e9, ...overrides };
}

/** Boards of these speeds, named board0, board1 … */
export function boardsOf(speeds: readonly number[], overrides: Partial<Board> = {}): readonly Board[] {
  return speeds.map((flopsPerSecond, index) => aBoard({ id: `board${index}`, flopsPerSecond, ...overrides }));
}

/** Five blocks on three boards. */
export function aPlan(overrides: Partial<Parameters<typeof createPlan>[0]> = {}): Plan {
  return createPlan({
    run: 'demo',
    term: 1,
    model: { name: 'cifarnet', options: { classes: 10 } },
    batch: 64,
    microBatches: 4,
    schedule: '1f1b',
    optimizer: { name: 'sgd', options: { momentum: 0.9, weightDecay: 5e-4 } },
    learningRate: { name: 'cosine', options: { rate: 0.1, warmUpSteps: 10 } },
    seed: 7,
    partition: partition({
      blocks: blocksOf([4e6, 2e6, 2e6, 3e6, 1e6]),
      boards: boardsOf([1e9, 1e9, 5e8]),
      microBatches: 4,
    }),
    dataUrls: { board0: 'mqtt://127.0.0.2:1883', board2: 'mqtt://127.0.0.4:1883' },
    ...overrides,
  });
}
