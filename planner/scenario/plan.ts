import { createOptimizer } from '../../models/index.ts';
import type { BlockCost } from '../costs.ts';
import { type Links, linksOverWires, uniformLinks } from '../links.ts';
import { modelBlocks, usualInput } from '../model-costs.ts';
import {
  assignmentOf,
  definePartition,
  fastestOf,
  type Partition,
  type PartitionRequest,
  partition,
  partitionOfSplit,
} from '../partition/index.ts';
import { type ScheduleName, schedulesOf } from '../schedule/index.ts';
import { type Simulation, simulate } from '../simulate.ts';
import { boardTimes } from '../survey/index.ts';
import { type PlannerBoard, timesFromFlops } from '../times.ts';
import { type CodecWish, type LinkWidth, partitionWithWidths, widthsOf, widthsOfSplit } from '../widths/index.ts';
import type { Scenario, ScenarioBoard } from './types.ts';

/** What the partition is asked for in a scenario, one request for each number of micro-batches and schedule. */
export type ScenarioProblem = {
  readonly requestsFor: (boards: readonly ScenarioBoard[]) => readonly PartitionRequest[];
};

/**
 * Prepares a scenario for planning, with any of its boards. Boards' times are kept: planning again asks for no more.
 * @throws what models throws for a model that does not fit
 */
export function scenarioProblem(scenario: Scenario): ScenarioProblem {
  const { batch, microBatches, schedule, useAll } = scenario;
  const links = linksOf(scenario);
  const kinds = microBatches.map((number) => ({ number, blocks: blocksOf(scenario, batch / number) }));
  const timed = new Map<string, readonly PlannerBoard[]>();
  const timesOf = (board: ScenarioBoard): readonly PlannerBoard[] => {
    const before = timed.get(board.id);
    if (before !== undefined) return before;
    const times = kinds.map(({ number, blocks }) => timesOfBoard(scenario, board, blocks, batch / number));
    timed.set(board.id, times);
    return times;
  };
  return {
    requestsFor: (boards) =>
      kinds.flatMap(({ number, blocks }, kind) => {
        const asked = { blocks, boards: boards.map((board) => timesOf(board)[kind]!), microBatches: number };
        return schedulesOf(schedule).map((each) => ({ ...asked, links, schedule: each, useAll }));
      }),
  };
}

function timesOfBoard(
  { work, predictor }: Scenario,
  board: ScenarioBoard,
  blocks: readonly BlockCost[],
  microBatch: number,
): PlannerBoard {
  const { id, memoryBytes, callSeconds, profile } = board;
  if (profile === undefined || predictor === undefined || work.kind !== 'model') {
    return { ...timesFromFlops(board, blocks), callSeconds };
  }
  const { name, classes, optimizer, cuts } = work;
  const model = { name, classes, inputShape: usualInput(name), cuts, microBatch };
  const optimizerSlots = createOptimizer(optimizer).slots.length;
  return { id, memoryBytes, ...boardTimes({ model, blocks, optimizerSlots, predictor }, { profile, links: [] }) };
}

function blocksOf({ work }: Scenario, samples: number): readonly BlockCost[] {
  if (work.kind === 'model') return modelBlocks(work, samples);
  return work.blocks.map((block, index) => ({
    ...block,
    name: `${block.name}${index}`,
    forwardFlops: block.forwardFlops * samples,
    backwardFlops: block.backwardFlops * samples,
    stashBytesPerMicroBatch: block.stashBytesPerMicroBatch * samples,
    workspaceBytes: block.workspaceBytes * samples,
    outputBytes: block.outputBytes * samples,
  }));
}

/** A board's wire is as fast as the fastest of its links, of which all that are not named are like `link`. */
function linksOf({ link, links }: Scenario): Links {
  const { bytesPerSecond } = link;
  if (links.size === 0) return uniformLinks({ ...link, senderBytesPerSecond: bytesPerSecond });
  return linksOverWires(links, link, (fastest = 0) => Math.max(bytesPerSecond, fastest));
}

export type PlannedScenario = {
  readonly request: PartitionRequest;
  readonly partition: Partition;
  readonly simulation: Simulation;
  /** Of those that were wished for. */
  readonly schedule: ScheduleName;
  /** By link, from stage 0 on; none where nothing is encoded. */
  readonly widths: readonly LinkWidth[];
};

/**
 * The plan of a scenario's boards, or its `split` as it stands, and how a step of it goes; links encode as `codecs` wishes,
 * or as the scenario's links say where it is null.
 * @throws MemoryError, MoreBoardsThanBlocksError, PartitionInputError (a split that does not cover the blocks)
 */
export function planScenario(scenario: Scenario, codecs: CodecWish | null = null): PlannedScenario {
  const requests = scenarioProblem(scenario).requestsFor(scenario.boards);
  const { split } = scenario;
  const make = (request: PartitionRequest) => sharedOut(request, split, codecs);
  const made = fastestOf(requests, make, (each) => each.partition.stepSeconds);
  const problem = definePartition(made.request);
  return { ...made, schedule: problem.schedule, simulation: simulate(problem, assignmentOf(problem, made.partition)) };
}

function sharedOut(
  request: PartitionRequest,
  split: Scenario['split'],
  codecs: CodecWish | null,
): Omit<PlannedScenario, 'schedule' | 'simulation'> {
  if (codecs === null) {
    const chosen = split === undefined ? partition(request) : partitionOfSplit(request, split);
    return { partition: chosen, request, widths: [] };
  }
  const widths = widthsOf(codecs);
  return split === undefined ? partitionWithWidths(request, widths) : widthsOfSplit(request, split, widths);
}
