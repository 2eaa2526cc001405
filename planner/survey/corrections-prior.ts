import { sum } from '../statistics.ts';

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

export function weightsOf(times: readonly number[], { firstBlock, lastBlock }: Run): readonly number[] {
  const own = times.slice(firstBlock, lastBlock + 1);
  const total = sum(own);
  return own.map((seconds) => seconds / total);
}

/** How alike a run's error is to that of each of a model's blocks, boards aside. */
export function nearnessOf({ firstBlock, weights }: WeightedRun, blocks: number): Float64Array {
  const step = Math.exp(-1 / REACH);
  const near = new Float64Array(blocks);
  // What lies before a block, itself included, and then what lies behind it: each falls off by the same factor.
  let before = 0;
  for (let block = 0; block < blocks; block++) {
    before = step * before + (weights[block - firstBlock] ?? 0);
    near[block] = before;
  }
  let behind = 0;
  for (let block = blocks - 1; block >= 0; block--) {
    near[block]! += behind;
    behind = step * (behind + (weights[block - firstBlock] ?? 0));
  }
  return near;
}

/** The covariance of the errors of two runs; `nearness` is the first one's. */
export function covarianceOf(run: Run, nearness: Float64Array, other: WeightedRun): number {
  const { firstBlock, weights } = other;
  let alike = 0;
  for (let at = 0; at < weights.length; at++) alike += weights[at]! * nearness[firstBlock + at]!;
  return run.board === other.board ? ofSameBoard(alike) : ofAnyBoard(alike);
}

const ofAnyBoard = (alike: number) => OF_BLOCKS ** 2 * alike;
const ofSameBoard = (alike: number) => OF_BOARD ** 2 + (OF_BLOCKS ** 2 + OF_BLOCKS_THERE ** 2) * alike;

/** The most probable error of each board's blocks, from the shares that runs have in them. */
export function errorsOf(
  runs: readonly (Run & { readonly nearness: Float64Array; readonly share: number })[],
  boards: number,
  blocks: number,
): readonly Float64Array[] {
  const everywhere = new Float64Array(blocks);
  for (const { nearness, share } of runs) {
    for (let block = 0; block < blocks; block++) everywhere[block]! += share * ofAnyBoard(nearness[block]!);
  }
  const byBoard = Array.from({ length: boards }, () => everywhere.slice());
  for (const { board, nearness, share } of runs) {
    const errors = byBoard[board]!;
    for (let block = 0; block < blocks; block++) {
      errors[block]! += share * (ofSameBoard(nearness[block]!) - ofAnyBoard(nearness[block]!));
    }
  }
  return byBoard;
}
