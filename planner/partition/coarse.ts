import { type BlockCost, runCosts } from '../costs.ts';
import { runTimes } from '../times.ts';
import type { Assignment, PartitionProblem } from './problem.ts';
import { workMeasure } from './tables.ts';

/** A problem of fewer, larger blocks, and the way back. */
export type Coarse = { readonly problem: PartitionProblem; readonly toFine: (assignment: Assignment) => Assignment };

/**
 * Joins neighbouring blocks to at most `most` groups of about equal work. Each group ends at the cut with the fewest
 * bytes near its due place: what an assignment of groups can do, one of blocks can do as well.
 */
export function coarsen(problem: PartitionProblem, most: number): Coarse {
  const ends = groupEnds(problem, most);
  const firsts = ends.map((_, group) => ends[group - 1] ?? 0);
  const costs = runCosts(problem.blocks);
  const blocks = ends.map((end, group): BlockCost => {
    const first = firsts[group]!;
    const run = costs(first, end);
    return {
      name: problem.blocks[first]!.name,
      forwardFlops: run.flops / 3,
      backwardFlops: (2 * run.flops) / 3,
      parameterBytes: run.parameterBytes,
      optimizerBytes: run.optimizerBytes,
      stashBytesPerMicroBatch: run.stashBytesPerMicroBatch,
      workspaceBytes: run.workspaceBytes,
      outputBytes: problem.blocks[end - 1]!.outputBytes,
    };
  });
  const boards = problem.boards.map((board, index) => {
    const { forward, backward, update } = problem.times[index]!;
    const of = (sums: Float64Array, group: number) => sums[ends[group]!]! - sums[firsts[group]!]!;
    const times = ends.map((_, group) => ({
      forward: of(forward, group),
      backward: of(backward, group),
      update: of(update, group),
    }));
    const { cutSeconds } = board;
    const cuts = cutSeconds && { cutSeconds: [cutSeconds[0]!, ...ends.map((end) => cutSeconds[end]!)] };
    return { ...board, blocks: times, ...cuts };
  });
  const fine = (first: number, end: number) => [firsts[first]!, ends[end - 1]!] as const;
  return {
    problem: {
      ...problem,
      blocks,
      boards,
      times: boards.map(runTimes),
      costs: runCosts(blocks),
      memory: (position, first, end) => problem.memory(position, ...fine(first, end)),
      fits: (board, position, first, end) => problem.fits(board, position, ...fine(first, end)),
    },
    toFine: (assignment) =>
      assignment.map(({ board, first, end }) => ({ board, first: firsts[first]!, end: ends[end - 1]! })),
  };
}

function groupEnds({ blocks, times }: PartitionProblem, most: number): readonly number[] {
  if (blocks.length <= most) return blocks.map((_, block) => block + 1);
  const { work } = workMeasure(times, blocks.length);
  const whole = work[blocks.length]!;
  const ends: number[] = [];
  for (let end = 1; end < blocks.length; end++) {
    // The groups' ends lie one in each window of equal work; within a window the fewest bytes win.
    const window = Math.floor((work[end]! / whole) * most * (1 - 1e-12));
    const before = ends.at(-1);
    const beforeWindow = before === undefined ? -1 : Math.floor((work[before]! / whole) * most * (1 - 1e-12));
    if (window > beforeWindow || before === undefined) ends.push(end);
    else if (blocks[end - 1]!.outputBytes < blocks[before - 1]!.outputBytes) ends[ends.length - 1] = end;
  }
  return [...ends, blocks.length];
}
