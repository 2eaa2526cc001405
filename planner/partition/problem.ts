import { type BlockCost, type Board, type RunCosts, runCosts } from '../costs.ts';
import { CountError, MoreBoardsThanBlocksError, PartitionInputError } from '../errors.ts';
import { estimateStageMemory, type StageMemory, totalMemory } from '../memory.ts';
import {
  buildSchedule,
  defaultQueueCapacity,
  defaultSchedule,
  type ScheduleName,
  stashSlots,
} from '../schedule/index.ts';

export type PartitionRequest = {
  readonly blocks: readonly BlockCost[];
  /** In the order of the pipeline: the first holds the data, the last the loss. */
  readonly boards: readonly Board[];
  readonly microBatches: number;
  readonly schedule?: ScheduleName;
  readonly queueCapacity?: number;
};

/** The questions that every way of splitting asks of a run of blocks, `first` to `end - 1`, on a stage's board. */
export type PartitionProblem = {
  readonly blocks: readonly BlockCost[];
  readonly boards: readonly Board[];
  readonly microBatches: number;
  readonly costs: RunCosts;
  /** Of one micro-batch, forward and backward. */
  readonly seconds: (stage: number, first: number, end: number) => number;
  readonly memory: (stage: number, first: number, end: number) => StageMemory;
  readonly fits: (stage: number, first: number, end: number) => boolean;
};

/** Checks the request and prepares the answers. Throws as `partition` does, but for memory. */
export function definePartition(request: PartitionRequest): PartitionProblem {
  const { blocks, boards, microBatches } = request;
  const { schedule = defaultSchedule, queueCapacity = defaultQueueCapacity } = request;
  checkBoards(boards);
  for (const block of blocks) checkBlock(block);
  if (boards.length > blocks.length) throw new MoreBoardsThanBlocksError(boards.length, blocks.length);
  const slots = buildSchedule(schedule, boards.length, microBatches).map(stashSlots);
  const costs = runCosts(blocks);
  const memory = (stage: number, first: number, end: number) =>
    estimateStageMemory(costs(first, end), { stashSlots: slots[stage]!, queueCapacity });
  return {
    blocks,
    boards,
    microBatches,
    costs,
    seconds: (stage, first, end) => costs(first, end).flops / boards[stage]!.flopsPerSecond,
    memory,
    fits: (stage, first, end) => totalMemory(memory(stage, first, end)) <= boards[stage]!.memoryBytes,
  };
}

function checkBoards(boards: readonly Board[]): void {
  if (boards.length === 0) throw new CountError('the number of boards', 0);
  const seen = new Set<string>();
  for (const { id, flopsPerSecond, memoryBytes } of boards) {
    if (seen.has(id)) throw new PartitionInputError(`board '${id}' is listed twice; list each board once`);
    seen.add(id);
    for (const [what, value] of Object.entries({ flopsPerSecond, memoryBytes })) {
      if (Number.isFinite(value) && value > 0) continue;
      throw new PartitionInputError(`${what} of board '${id}' is ${value}; measure it again, it must be above 0`);
    }
  }
}

function checkBlock({ name, ...numbers }: BlockCost): void {
  for (const [what, value] of Object.entries(numbers)) {
    if (Number.isFinite(value) && value >= 0) continue;
    throw new PartitionInputError(`${what} of block '${name}' is ${value}; a cost must be finite and not below 0`);
  }
}
