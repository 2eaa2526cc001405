import { type BlockCost, type RunCosts, runCosts } from '../costs.ts';
import { CountError, MoreBoardsThanBlocksError, PartitionInputError } from '../errors.ts';
import { type LinkModel, type Links, secondsPerByte, uniformLinks, wireSecondsPerByte } from '../links.ts';
import { estimateStageMemory, type StageMemory, totalMemory } from '../memory.ts';
import { defaultQueueCapacity, defaultSchedule, type ScheduleName } from '../schedule/index.ts';
import { type PlannerBoard, type RunTimes, runTimes } from '../times.ts';
import { type StepModel, stepModel } from './step-model.ts';

export type PartitionRequest = {
  /** Costs of one micro-batch. */
  readonly blocks: readonly BlockCost[];
  /** With their times of one micro-batch. */
  readonly boards: readonly PlannerBoard[];
  readonly microBatches: number;
  /** `uniformLinks()` where absent. */
  readonly links?: Links;
  readonly schedule?: ScheduleName;
  readonly queueCapacity?: number;
  /** Every board gets at least one block, even where the step would be shorter without it. */
  readonly useAll?: boolean;
  /** `given`: the boards keep their order along the pipeline. `any` where absent. */
  readonly order?: 'given' | 'any';
  /** The board of stage 0, where that is not free. */
  readonly first?: string;
};

/** A run of blocks, `first` to `end - 1`, on a board (by its index in the request). */
export type Run = { readonly board: number; readonly first: number; readonly end: number };

/** Who does what, stage 0 first. */
export type Assignment = readonly Run[];

/** A request, checked, and the questions that every way of splitting asks. */
export type PartitionProblem = {
  readonly blocks: readonly BlockCost[];
  readonly boards: readonly PlannerBoard[];
  readonly microBatches: number;
  readonly schedule: ScheduleName;
  readonly useAll: boolean;
  readonly keepsOrder: boolean;
  /** Index of the board that must be first. */
  readonly first: number | undefined;
  readonly costs: RunCosts;
  readonly times: readonly RunTimes[];
  readonly model: StepModel;
  readonly link: (from: number, to: number) => LinkModel;
  /** The same of every pair. */
  readonly linksAreUniform: boolean;
  readonly linkCost: (from: number, to: number) => LinkCost;
  /** At so many stages from the last. */
  readonly memory: (position: number, first: number, end: number) => StageMemory;
  readonly fits: (board: number, position: number, first: number, end: number) => boolean;
};

/** Checks the request and prepares the answers. Throws as `partition` does, but for memory. */
export function definePartition(request: PartitionRequest): PartitionProblem {
  const { blocks, boards, microBatches, links = uniformLinks(), useAll = false } = request;
  const { schedule = defaultSchedule, queueCapacity = defaultQueueCapacity } = request;
  if (!Number.isSafeInteger(microBatches) || microBatches < 1) {
    throw new CountError('the number of micro-batches', microBatches);
  }
  if (blocks.length === 0) throw new CountError('the number of blocks', 0);
  for (const block of blocks) checkBlock(block);
  checkBoards(boards, blocks.length);
  if (useAll && boards.length > blocks.length) throw new MoreBoardsThanBlocksError(boards.length, blocks.length);
  const model = stepModel(schedule, microBatches);
  const costs = runCosts(blocks);
  const memory = (position: number, first: number, end: number) =>
    estimateStageMemory(costs(first, end), { stashSlots: model.stashSlots(position), queueCapacity });
  return {
    blocks,
    boards,
    microBatches,
    schedule,
    useAll,
    keepsOrder: request.order === 'given',
    first: indexOfFirst(request),
    costs,
    times: boards.map(runTimes),
    model,
    ...linkQuestions(boards, links),
    memory,
    fits: (board, position, first, end) => totalMemory(memory(position, first, end)) <= boards[board]!.memoryBytes,
  };
}

function indexOfFirst({ boards, first, order }: PartitionRequest): number | undefined {
  if (first === undefined) return undefined;
  const index = boards.findIndex(({ id }) => id === first);
  if (index < 0) throw new PartitionInputError(`board '${first}' shall be first but is not among the boards; name one`);
  if (order === 'given' && index > 0) {
    throw new PartitionInputError(`board '${first}' shall be first, but the order that is given begins with another`);
  }
  return index;
}

/** Of the link between two boards, in seconds. */
type LinkCost = {
  /** A byte of tensor keeps the link busy, and the wire of its sender. */
  readonly perByte: number;
  readonly wirePerByte: number;
  readonly latency: number;
};

function linkQuestions(boards: readonly PlannerBoard[], { between, everywhere }: Links) {
  const link = (from: number, to: number) => everywhere ?? between(boards[from]!.id, boards[to]!.id);
  const costs = new Map<LinkModel, LinkCost>();
  const linkCost = (from: number, to: number): LinkCost => {
    const model = link(from, to);
    const known = costs.get(model);
    if (known !== undefined) return known;
    checkLink(model, boards[from]!.id, boards[to]!.id);
    const cost = {
      perByte: secondsPerByte(model),
      wirePerByte: wireSecondsPerByte(model),
      latency: model.latencySeconds,
    };
    costs.set(model, cost);
    return cost;
  };
  return { link, linkCost, linksAreUniform: everywhere !== undefined };
}

function checkLink(
  { bytesPerSecond, latencySeconds, bytesRatio = 1, codecSecondsPerByte = 0, senderBytesPerSecond = 1 }: LinkModel,
  from: string,
  to: string,
) {
  const refuse = (what: string, value: number, rule: string): never => {
    throw new PartitionInputError(`${what} of link ${from} → ${to} is ${value}; it must be ${rule}`);
  };
  for (const [what, value] of Object.entries({ bytesPerSecond, senderBytesPerSecond })) {
    if (!(Number.isFinite(value) && value > 0)) refuse(what, value, 'above 0');
  }
  for (const [what, value] of Object.entries({ latencySeconds, bytesRatio, codecSecondsPerByte })) {
    if (!(Number.isFinite(value) && value >= 0)) refuse(what, value, 'finite and not below 0');
  }
}

function checkBoards(boards: readonly PlannerBoard[], blocks: number): void {
  if (boards.length === 0) throw new CountError('the number of boards', 0);
  const seen = new Set<string>();
  for (const { id, memoryBytes, callSeconds, blocks: times, cutSeconds } of boards) {
    if (seen.has(id)) throw new PartitionInputError(`board '${id}' is listed twice; list each board once`);
    seen.add(id);
    if (!(Number.isFinite(memoryBytes) && memoryBytes > 0)) {
      throw new PartitionInputError(`memoryBytes of board '${id}' is ${memoryBytes}; it must be above 0`);
    }
    if (times.length !== blocks) {
      throw new PartitionInputError(`board '${id}' has times of ${times.length} blocks, not of the model's ${blocks}`);
    }
    checkSeconds(callSeconds, 'callSeconds', id);
    if (cutSeconds !== undefined && cutSeconds.length !== blocks + 1) {
      throw new PartitionInputError(`board '${id}' has times of ${cutSeconds.length} cuts, not of ${blocks + 1}`);
    }
    for (const [cut, seconds] of cutSeconds?.entries() ?? []) checkSeconds(seconds, `cut ${cut}`, id);
    for (const [index, { forward, backward, update }] of times.entries()) {
      checkSeconds(forward, `forward of block ${index}`, id);
      checkSeconds(backward, `backward of block ${index}`, id);
      checkSeconds(update, `update of block ${index}`, id);
    }
  }
}

function checkSeconds(value: number, what: string, id: string): void {
  if (Number.isFinite(value) && value >= 0) return;
  throw new PartitionInputError(
    `${what} on board '${id}' is ${value} seconds; measure the board again, times are finite and not below 0`,
  );
}

function checkBlock({ name, ...numbers }: BlockCost): void {
  for (const [what, value] of Object.entries(numbers)) {
    if (Number.isFinite(value) && value >= 0) continue;
    throw new PartitionInputError(`${what} of block '${name}' is ${value}; a cost must be finite and not below 0`);
  }
}
