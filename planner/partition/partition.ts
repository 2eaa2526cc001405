import { MemoryError, PartitionInputError } from '../errors.ts';
import { type StageMemory, totalMemory } from '../memory.ts';
import { even } from './baselines.ts';
import { chooseAssignment, type Effort, usualEffort } from './choose.ts';
import { stageStep, stepSeconds } from './objective.ts';
import { type Assignment, definePartition, type PartitionProblem, type PartitionRequest, type Run } from './problem.ts';
import { findShortfall, shortfallOf } from './shortfall.ts';
import { sameTimes } from './tables.ts';

/** What one board holds and is expected to need. */
export type StageShare = {
  readonly stage: number;
  readonly board: string;
  readonly firstBlock: number;
  /** Inclusive. */
  readonly lastBlock: number;
  /** Computation of one step: all micro-batches, forward and backward, and the update. */
  readonly predictedSeconds: number;
  /** Of the model's forward and backward, 0 to 1. */
  readonly flopsShare: number;
  readonly memory: StageMemory;
  readonly memoryBytes: number;
};

export type Partition = {
  readonly stages: readonly StageShare[];
  readonly microBatches: number;
  /** Computation of one step on the board that takes longest. */
  readonly slowestSeconds: number;
  /** From one step to the next: what `partition` makes as small as it can be. */
  readonly stepSeconds: number;
  /** No plan of these boards has a shorter step; equal to `stepSeconds` where the plan is proven to be the best. */
  readonly boundSeconds: number;
  /** Boards that got no blocks, in the order of the request. */
  readonly leftOut: readonly string[];
};

/**
 * Chooses boards, their order and their blocks so that the predicted step is as short as it can be and no board's
 * memory is exceeded. On up to `MOST_EXACT` boards the result is the best there is, unless `effort` ends the search
 * before (`boundSeconds` then tells how far off it can be); on more it is never worse than the even, the proportional
 * and the greedy split.
 * Throws `MemoryError` (which board is full at which block, and by how much), `MoreBoardsThanBlocksError` where all
 * boards have to be used, `PartitionInputError` or `CountError`.
 */
export function partition(request: PartitionRequest, effort: Effort = usualEffort): Partition {
  const problem = definePartition(request);
  const chosen = chooseAssignment(problem, effort);
  if (chosen === undefined) throw new MemoryError(findShortfall(problem));
  return describe(problem, inGivenOrder(problem, chosen.assignment), chosen.bound);
}

/**
 * The same for several numbers of micro-batches, each with the costs and times of its size, or schedules: the one with
 * the shortest step, of equal ones the first. Throws what the last of them threw where none has a plan.
 */
export function partitionOfFastest(requests: readonly PartitionRequest[], effort: Effort = usualEffort): Partition {
  return fastestOf(
    requests,
    (request) => partition(request, effort),
    ({ stepSeconds: seconds }) => seconds,
  );
}

/** What is made of the request whose step is the shortest; requests that do not fit into memory are passed over. */
export function fastestOf<R extends PartitionRequest, T>(
  requests: readonly R[],
  make: (request: R) => T,
  secondsOf: (made: T) => number,
): T {
  let best: T | undefined;
  let failure: unknown;
  for (const request of requests) {
    try {
      const found = make(request);
      if (best === undefined || secondsOf(found) < secondsOf(best)) best = found;
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error;
      failure = error;
    }
  }
  if (best === undefined) throw failure ?? new Error('no request was given');
  return best;
}

/** Every number of micro-batches that the batch divides into, from `least` to `most`. */
export function microBatchCandidates(batch: number, { least = 1, most = batch } = {}): readonly number[] {
  return Array.from({ length: batch }, (_, index) => index + 1).filter(
    (count) => batch % count === 0 && count >= least && count <= most,
  );
}

/**
 * The split that knows nothing of costs: as many blocks for each board, in their order, one more for the first few
 * where they do not divide. A baseline. Throws as `partition` does.
 */
export function evenPartition(request: PartitionRequest): Partition {
  const problem = definePartition({ ...request, useAll: true, order: 'given' });
  const assignment = even(problem);
  if (assignment === undefined) throw new MemoryError(findShortfall(problem));
  return describe(problem, assignment, 0);
}

/**
 * The partition of a split that somebody else has chosen: who holds how many blocks, stage 0 first.
 * Throws as `partition` does, and `PartitionInputError` where the split does not hold every block once.
 */
export function partitionOfSplit(
  request: PartitionRequest,
  split: readonly { readonly board: string; readonly blocks: number }[],
): Partition {
  const problem = definePartition(request);
  let first = 0;
  const assignment = split.map(({ board: id, blocks }): Run => {
    const board = problem.boards.findIndex((each) => each.id === id);
    if (board < 0) throw new PartitionInputError(`the split names board '${id}', which is not among the boards`);
    if (!Number.isInteger(blocks) || blocks < 1) {
      throw new PartitionInputError(`the split gives ${blocks} blocks to board '${id}'; give each at least one`);
    }
    const run = { board, first, end: first + blocks };
    first += blocks;
    return run;
  });
  if (first !== problem.blocks.length) {
    throw new PartitionInputError(
      `the split holds ${first} blocks, but the model has ${problem.blocks.length}; every block must be held once`,
    );
  }
  for (const [stage, { board, first: start, end }] of assignment.entries()) {
    const position = assignment.length - 1 - stage;
    if (!problem.fits(board, position, start, end))
      throw new MemoryError(shortfallOf(problem, board, position, start, end));
  }
  return describe(problem, assignment, 0);
}

/** The stages of a partition as an assignment of the same boards. */
export function assignmentOf({ boards }: PartitionProblem, { stages }: Pick<Partition, 'stages'>): Assignment {
  const index = new Map(boards.map(({ id }, board) => [id, board]));
  return stages.map(({ board, firstBlock, lastBlock }) => ({
    board: index.get(board)!,
    first: firstBlock,
    end: lastBlock + 1,
  }));
}

/** Interchangeable boards take the stages in the order in which they were given: what a person expects to read. */
function inGivenOrder(problem: PartitionProblem, assignment: Assignment): Assignment {
  const { boards, keepsOrder, linksAreUniform, first } = problem;
  if (keepsOrder || !linksAreUniform) return assignment;
  const taken = new Set<number>();
  return assignment.map((run) => {
    const own = boards[run.board]!;
    const alike = boards.findIndex(
      (other, board) =>
        !taken.has(board) && (board === run.board || (board !== first && run.board !== first && sameTimes(own, other))),
    );
    taken.add(alike);
    return { ...run, board: alike };
  });
}

function describe(problem: PartitionProblem, assignment: Assignment, bound: number): Partition {
  const { blocks, boards, microBatches, costs } = problem;
  const flops = costs(0, blocks.length).flops;
  const stages = assignment.map((run, stage): StageShare => {
    const { board, first, end } = run;
    const { forward, backward, update } = stageStep(problem, run, assignment[stage + 1]);
    const memory = problem.memory(assignment.length - 1 - stage, first, end);
    return {
      stage,
      board: boards[board]!.id,
      firstBlock: first,
      lastBlock: end - 1,
      predictedSeconds: (forward + backward) * microBatches + update,
      flopsShare: flops === 0 ? 0 : Math.min(1, costs(first, end).flops / flops),
      memory,
      memoryBytes: totalMemory(memory),
    };
  });
  const used = new Set(assignment.map(({ board }) => board));
  return {
    stages,
    microBatches,
    slowestSeconds: Math.max(...stages.map(({ predictedSeconds }) => predictedSeconds)),
    stepSeconds: stepSeconds(problem, assignment),
    boundSeconds: bound,
    leftOut: boards.filter((_, board) => !used.has(board)).map(({ id }) => id),
  };
}
