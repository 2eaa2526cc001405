import { fitsMemory, stepSeconds } from './objective.ts';
import type { Assignment, PartitionProblem } from './problem.ts';

/** Splits that know less than the search does. Each is undefined where it does not fit into the boards' memory. */
export type Baseline = (problem: PartitionProblem) => Assignment | undefined;

/** As many blocks for each board, one more for the first few; boards beyond the number of blocks get none. */
export const even: Baseline = (problem) => {
  const boards = boardsInOrder(problem).slice(0, problem.blocks.length);
  return fitting(
    problem,
    split(problem, boards, () => 1),
  );
};

/** Blocks in proportion to the boards' speeds, at least one each. */
export const proportional: Baseline = (problem) => {
  const boards = boardsInOrder(problem).slice(0, problem.blocks.length);
  return fitting(problem, split(problem, boards, speedOf(problem)));
};

/** One board after another, the fastest first, for as long as a proportional split over them gets faster. */
export const greedy: Baseline = (problem) => {
  const speed = speedOf(problem);
  const fastest = problem.boards.map((_, board) => board).sort((a, b) => speed(b) - speed(a));
  let best: { readonly assignment: Assignment; readonly seconds: number } | undefined;
  for (
    let count = problem.useAll ? fastest.length : 1;
    count <= Math.min(fastest.length, problem.blocks.length);
    count++
  ) {
    const chosen = new Set(fastest.slice(0, count));
    if (problem.first !== undefined) chosen.add(problem.first);
    const boards = boardsInOrder(problem).filter((board) => chosen.has(board));
    if (boards.length > problem.blocks.length) break;
    const assignment = fitting(problem, split(problem, boards, speed));
    if (assignment === undefined) continue;
    const seconds = stepSeconds(problem, assignment);
    if (best !== undefined && seconds >= best.seconds) break;
    best = { assignment, seconds };
  }
  return best?.assignment;
};

/**
 * Fills one board after another as far as its memory goes, the largest at the front, where the most micro-batches are
 * under way. Finds a plan in most cases in which there is hardly any.
 */
export const filled: Baseline = (problem) => {
  const { blocks, boards, useAll, keepsOrder, first } = problem;
  const order = boardsInOrder(problem);
  if (!keepsOrder) {
    order.sort((a, b) => Number(b === first) - Number(a === first) || boards[b]!.memoryBytes - boards[a]!.memoryBytes);
  }
  const most = Math.min(order.length, blocks.length);
  for (let count = useAll ? most : 1; count <= most; count++) {
    const assignment = fill(problem, order.slice(0, count));
    if (assignment !== undefined) return assignment;
  }
  return undefined;
};

function fill(problem: PartitionProblem, order: readonly number[]): Assignment | undefined {
  const blocks = problem.blocks.length;
  const runs: { board: number; first: number; end: number }[] = [];
  let first = 0;
  for (const [stage, board] of order.entries()) {
    const position = order.length - 1 - stage;
    let end = blocks - position;
    while (end > first && !problem.fits(board, position, first, end)) end--;
    if (end === first) return undefined;
    runs.push({ board, first, end });
    first = end;
  }
  return first === blocks ? runs : undefined;
}

/** The boards as they are given, but for the one that must be first. */
function boardsInOrder({ boards, first }: PartitionProblem): number[] {
  const all = boards.map((_, board) => board);
  return first === undefined ? all : [first, ...all.filter((board) => board !== first)];
}

function speedOf({ times, blocks }: PartitionProblem): (board: number) => number {
  return (board) => {
    const { forward, backward } = times[board]!;
    return 1 / Math.max(Number.MIN_VALUE, forward[blocks.length]! + backward[blocks.length]!);
  };
}

/** Cuts where the blocks' share of the work passes the boards' share of the weight; every board gets a block. */
function split(problem: PartitionProblem, boards: readonly number[], weight: (board: number) => number): Assignment {
  const blocks = problem.blocks.length;
  const equal = boards.every((board) => weight(board) === 1);
  const work = problem.times[boards[0]!]!;
  const done = (end: number) => (equal ? end : work.forward[end]! + work.backward[end]!);
  const whole = boards.reduce((sum, board) => sum + weight(board), 0);
  let reached = 0;
  let first = 0;
  return boards.map((board, stage) => {
    reached += weight(board) / whole;
    const behind = boards.length - 1 - stage;
    let end = first + 1;
    const target = reached * done(blocks) * (1 - 1e-12);
    while (end < blocks - behind && done(end) < target) end++;
    if (behind === 0) end = blocks;
    const run = { board, first, end };
    first = end;
    return run;
  });
}

function fitting(problem: PartitionProblem, assignment: Assignment): Assignment | undefined {
  return fitsMemory(problem, assignment) ? assignment : undefined;
}
