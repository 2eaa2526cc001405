/** Blocks of one board, one after another. */
export interface Run {
  readonly board: number;
  readonly firstBlock: number;
  readonly lastBlock: number;
}

export interface WeightedRun extends Run {
  /** Of each block: its part of the run's time. */
  readonly weights: readonly number[];
}

/** Standard deviations of what predictions are off by, as logarithms: a board's for all blocks … */
const OF_BOARD = 0.3;
/** … the model's blocks' on all boards, and the same on one board alone. */
const OF_BLOCKS = 0.2;
const OF_BLOCKS_THERE = 0.07;
/** Blocks so far from each other have a correlation of 1/e. */
const REACH = 4;

/** The covariances of errors of runs and blocks. */
export interface Covariance {
  between(run: WeightedRun, other: WeightedRun): number;
  withBlock(run: WeightedRun, board: number, block: number): number;
}

export function weightsOf(times: readonly number[], { firstBlock, lastBlock }: Run): readonly number[] {
  const own = times.slice(firstBlock, lastBlock + 1);
  const total = own.reduce((sum, seconds) => sum + seconds, 0);
  return own.map((seconds) => seconds / total);
}

export function covarianceOf(runs: readonly WeightedRun[], blocks: number): Covariance {
  // How alike a run's error is to each block's, boards aside.
  const nearness = new Map(runs.map((run) => [run, nearnessOf(run, blocks)]));
  const shared = (isSame: boolean) => OF_BLOCKS ** 2 + (isSame ? OF_BLOCKS_THERE ** 2 : 0);
  const ofBoard = (isSame: boolean) => (isSame ? OF_BOARD ** 2 : 0);
  return {
    between(run, other) {
      const near = nearness.get(run)!;
      const alike = other.weights.reduce((sum, weight, at) => sum + weight * near[other.firstBlock + at]!, 0);
      const isSame = run.board === other.board;
      return ofBoard(isSame) + shared(isSame) * alike;
    },
    withBlock(run, board, block) {
      const isSame = run.board === board;
      return ofBoard(isSame) + shared(isSame) * nearness.get(run)![block]!;
    },
  };
}

function nearnessOf({ firstBlock, weights }: WeightedRun, blocks: number): readonly number[] {
  return Array.from({ length: blocks }, (_, block) =>
    weights.reduce((sum, weight, at) => sum + weight * Math.exp(-Math.abs(block - firstBlock - at) / REACH), 0),
  );
}
