import { MemoryError, PartitionInputError } from '../errors.ts';
import { type StageMemory, totalMemory } from '../memory.ts';
import { balance, type Split } from './balance.ts';
import { definePartition, type PartitionProblem, type PartitionRequest } from './problem.ts';

/** What one board holds and is expected to need. */
export type StageShare = {
  readonly stage: number;
  readonly board: string;
  readonly firstBlock: number;
  /** Inclusive. */
  readonly lastBlock: number;
  /** Computation of one step: all micro-batches, forward and backward. */
  readonly predictedSeconds: number;
  /** Of the model's forward and backward, 0 to 1. */
  readonly flopsShare: number;
  readonly memory: StageMemory;
  readonly memoryBytes: number;
};

export type Partition = {
  readonly stages: readonly StageShare[];
  /** Computation of one step on the board that takes longest: what `partition` makes as small as it can be. */
  readonly slowestSeconds: number;
  /** One step of the pipeline: one micro-batch through every stage, then the others behind the slowest. */
  readonly stepSeconds: number;
};

/**
 * Splits the blocks over the boards, in the boards' order and each with at least one block, so that the predicted
 * slowest stage is as fast as it can be and no board's memory is exceeded. Exact.
 * Throws `MoreBoardsThanBlocksError`, `MemoryError` (which board is full at which block, and by how much),
 * `PartitionInputError` or `CountError`.
 */
export function partition(request: PartitionRequest): Partition {
  const problem = definePartition(request);
  const { blocks, boards, seconds, fits } = problem;
  const split = balance({ blocks: blocks.length, stages: boards.length, seconds, fits });
  if (split === undefined) throw new MemoryError(findShortfall(problem));
  return describe(problem, split);
}

/**
 * The split that knows nothing of costs: as many blocks for each board, one more for the first few where they do not
 * divide. The baseline that `partition` is compared with. Throws as `partition` does.
 */
export function evenPartition(request: PartitionRequest): Partition {
  const problem = definePartition(request);
  const { blocks, boards, fits } = problem;
  const split = boards.map((_, stage) => Math.ceil(((stage + 1) * blocks.length) / boards.length));
  for (const [stage, end] of split.entries()) {
    const first = split[stage - 1] ?? 0;
    if (!fits(stage, first, end)) throw new MemoryError(shortfallOf(problem, stage, first, end));
  }
  return describe(problem, split);
}

/**
 * The split that is asked for: board s holds blocks `ends[s - 1]` (0 for the first) to `ends[s] - 1`. Throws as
 * `partition` does.
 */
export function givenPartition(request: PartitionRequest, ends: Split): Partition {
  const problem = definePartition(request);
  const { blocks, boards, fits } = problem;
  const isWhole = ends.length === boards.length && ends.at(-1) === blocks.length;
  if (!isWhole || ends.some((end, stage) => !Number.isInteger(end) || end <= (ends[stage - 1] ?? 0))) {
    throw new PartitionInputError(
      `a split that ends at [${ends.join(', ')}] does not share ${blocks.length} blocks among ${boards.length} boards`,
    );
  }
  for (const [stage, end] of ends.entries()) {
    const first = ends[stage - 1] ?? 0;
    if (!fits(stage, first, end)) throw new MemoryError(shortfallOf(problem, stage, first, end));
  }
  return describe(problem, ends);
}

function describe(problem: PartitionProblem, split: Split): Partition {
  const { blocks, boards, microBatches, costs } = problem;
  const flops = costs(0, blocks.length).flops;
  const perMicroBatch = split.map((end, stage) => problem.seconds(stage, split[stage - 1] ?? 0, end));
  const stages = split.map((end, stage): StageShare => {
    const first = split[stage - 1] ?? 0;
    const memory = problem.memory(stage, first, end);
    return {
      stage,
      board: boards[stage]!.id,
      firstBlock: first,
      lastBlock: end - 1,
      predictedSeconds: perMicroBatch[stage]! * microBatches,
      flopsShare: flops === 0 ? 0 : costs(first, end).flops / flops,
      memory,
      memoryBytes: totalMemory(memory),
    };
  });
  const slowest = Math.max(...perMicroBatch);
  const once = perMicroBatch.reduce((sum, seconds) => sum + seconds, 0);
  return { stages, slowestSeconds: slowest * microBatches, stepSeconds: once + slowest * (microBatches - 1) };
}

/** Fills the boards one after another as far as their memory goes, and tells at which one the blocks no longer fit. */
function findShortfall(problem: PartitionProblem) {
  const { blocks, boards, fits } = problem;
  let first = 0;
  for (const stage of boards.keys()) {
    const behind = boards.length - 1 - stage;
    const furthest = blocks.length - behind;
    let end = furthest;
    while (end > first && !fits(stage, first, end)) end--;
    if (end === first) return shortfallOf(problem, stage, first, behind === 0 ? furthest : first + 1);
    if (behind === 0 && end < furthest) return shortfallOf(problem, stage, first, furthest);
    first = end;
  }
  throw new Error('a split that fits was found by filling, but not by balancing');
}

/** Blocks `first` to `end - 1` do not fit on the stage's board: the first that is too much, and the bytes. */
function shortfallOf(problem: PartitionProblem, stage: number, first: number, end: number) {
  const { blocks, boards, fits, memory } = problem;
  let block = first;
  while (block < end - 1 && fits(stage, first, block + 1)) block++;
  return {
    board: boards[stage]!.id,
    firstBlock: first,
    block,
    blockName: blocks[block]!.name,
    lastBlock: end - 1,
    neededBytes: totalMemory(memory(stage, first, end)),
    memoryBytes: boards[stage]!.memoryBytes,
  };
}
