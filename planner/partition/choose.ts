import { type Baseline, even, filled, greedy, proportional } from './baselines.ts';
import { coarsen } from './coarse.ts';
import { type Candidate, improve } from './improve.ts';
import { stepSeconds } from './objective.ts';
import type { PartitionProblem } from './problem.ts';
import { relaxedBound } from './relaxed.ts';
import { anyPlan, MOST_SEARCHED, type SearchResult, searchLabels } from './search.ts';
import { searchTables } from './tables.ts';

export type Chosen = Candidate & {
  /** No assignment has a shorter step. Equal to `seconds` where the search went to its end. */
  readonly bound: number;
};

/** Boards up to which the search goes through all that could be better. */
export const MOST_EXACT = 10;

/** How much work the search may do; counts, not clocks, so that the same problem has the same plan everywhere. */
export type Effort = {
  /** The exact search is left out where blocks · 2^boards is more than this: it would not come to its end. */
  readonly exactSize: number;
  /** Stages tried by the exact search, on up to `MOST_EXACT` boards. */
  readonly exactTries: number;
  /** Searches on coarser blocks, which give the exact one a good plan to begin with. */
  readonly passes: readonly Pass[];
  /** The same for more boards than `MOST_EXACT`: there is no exact search after them. */
  readonly passesOfMany: readonly Pass[];
  readonly improvements: number;
};

/** A search on so many groups of blocks that keeps so many labels of each length (`SearchLimits`). */
export type Pass = { readonly groups: number; readonly width: number; readonly caution: number };

/** Some 0.1 s on a core of 2.8 GHz. */
export const usualEffort: Effort = {
  exactSize: 40_000,
  exactTries: 4e6,
  passes: [
    { groups: 16, width: 150, caution: 0.2 },
    { groups: 28, width: 150, caution: 0.1 },
    { groups: 48, width: 150, caution: 0.8 },
  ],
  passesOfMany: [
    { groups: 24, width: 50, caution: 0.8 },
    { groups: 72, width: 16, caution: 0.8 },
  ],
  improvements: 2000,
};

/** To the very end: the best plan on up to `MOST_EXACT` boards, however long it takes. */
export const fullEffort: Effort = {
  ...usualEffort,
  exactSize: Number.POSITIVE_INFINITY,
  exactTries: Number.POSITIVE_INFINITY,
};

/** The baselines that the result is never worse than. */
export const baselines = { even, proportional, greedy } satisfies Record<string, Baseline>;

/** The assignment with the shortest step that was found, undefined where none fits into the boards' memory. */
export function chooseAssignment(problem: PartitionProblem, effort: Effort): Chosen | undefined {
  const known = bestOf(problem, [...Object.values(baselines), filled]);
  const isExact = problem.boards.length <= MOST_EXACT;
  const found = isExact ? searchAll(problem, known, effort) : searchMany(problem, known, effort);
  if (found === undefined) return undefined;
  if (found.bound === found.seconds) return found;
  const relaxed = Math.min(found.seconds, relaxedBound(problem, found.seconds));
  return { ...found, bound: Math.max(found.bound, relaxed) };
}

function bestOf(problem: PartitionProblem, ways: readonly Baseline[]): Candidate | undefined {
  let best: Candidate | undefined;
  for (const way of ways) {
    const assignment = way(problem);
    if (assignment === undefined) continue;
    const seconds = stepSeconds(problem, assignment);
    if (best === undefined || seconds < best.seconds) best = { assignment, seconds };
  }
  return best;
}

function searchAll(problem: PartitionProblem, known: Candidate | undefined, effort: Effort): Chosen | undefined {
  const tables = searchTables(problem);
  const near = approach(problem, known ?? candidateOf(searchLabels(problem, tables, anyPlan)), effort);
  if (near === undefined) return undefined;
  const isHopeless = problem.blocks.length * 2 ** problem.boards.length > effort.exactSize;
  if (isHopeless) return { ...near, bound: 0 };
  const found = searchLabels(problem, tables, {
    below: near.seconds,
    tries: effort.exactTries,
    width: Number.POSITIVE_INFINITY,
    caution: 0,
  });
  return { ...(candidateOf(found) ?? near), bound: found.bound };
}

function candidateOf({ assignment, seconds }: SearchResult): Candidate | undefined {
  return assignment === undefined ? undefined : { assignment, seconds };
}

/**
 * A good plan soon: searched for on coarser and coarser blocks, then its boards keep their order while the cuts are
 * placed anew; then small changes.
 */
function approach(problem: PartitionProblem, known: Candidate | undefined, effort: Effort): Candidate | undefined {
  let best = known;
  const passes = problem.boards.length <= MOST_EXACT ? effort.passes : effort.passesOfMany;
  for (const { groups, width, caution } of passes) {
    const coarse = coarsen(problem, problem.useAll ? Math.max(groups, problem.boards.length) : groups);
    const found = searchLabels(coarse.problem, searchTables(coarse.problem), {
      below: best?.seconds ?? Number.POSITIVE_INFINITY,
      tries: Number.POSITIVE_INFINITY,
      width,
      caution,
    });
    if (found.assignment === undefined) continue;
    best = recut(problem, { assignment: coarse.toFine(found.assignment), seconds: found.seconds });
  }
  if (best === undefined) return undefined;
  return recut(problem, improve(problem, best, effort.improvements));
}

/** Labels kept when only the cuts are to be found. */
const RECUT_WIDTH = 300;
const RECUT_WIDTH_OF_MANY = 40;

/** Good cuts for these boards in this order, or what was given where there are no better ones. */
function recut(problem: PartitionProblem, from: Candidate): Candidate {
  const order = from.assignment.map(({ board }) => board);
  const part: PartitionProblem = { ...restrict(problem, order), keepsOrder: true, useAll: true, first: undefined };
  const { assignment, seconds } = searchLabels(part, searchTables(part), {
    below: from.seconds,
    tries: Number.POSITIVE_INFINITY,
    width: order.length <= MOST_EXACT ? RECUT_WIDTH : RECUT_WIDTH_OF_MANY,
    caution: 0,
  });
  if (assignment === undefined) return from;
  return { assignment: assignment.map((run) => ({ ...run, board: order[run.board]! })), seconds };
}

/** On many boards: the search looks at the fastest of them, and where their memory is too small at the largest. */
function searchMany(problem: PartitionProblem, known: Candidate | undefined, effort: Effort): Chosen | undefined {
  let best = known;
  for (const measure of [speedFirst, memoryFirst]) {
    const pool = promising(problem, measure);
    if (pool !== undefined) best = searchPool(problem, pool, best, effort);
    if (best !== undefined) break;
  }
  if (best === undefined) return undefined;
  return { ...improve(problem, best, effort.improvements), bound: 0 };
}

function searchPool(
  problem: PartitionProblem,
  pool: readonly number[],
  known: Candidate | undefined,
  effort: Effort,
): Candidate | undefined {
  const part = restrict(problem, pool);
  const place = new Map(pool.map((board, index) => [board, index]));
  const isInside = known?.assignment.every(({ board }) => place.has(board)) === true;
  const start = isInside
    ? { ...known, assignment: known.assignment.map((run) => ({ ...run, board: place.get(run.board)! })) }
    : bestOf(part, [...Object.values(baselines), filled]);
  const found = approach(part, start, effort);
  if (found === undefined || (known !== undefined && known.seconds <= found.seconds)) return known;
  return { ...found, assignment: found.assignment.map((run) => ({ ...run, board: pool[run.board]! })) };
}

const POOL = 32;

type Measure = (problem: PartitionProblem) => (board: number) => number;

const speedFirst: Measure = ({ times, blocks }) => {
  return (board) => times[board]!.forward[blocks.length]! + times[board]!.backward[blocks.length]!;
};

const memoryFirst: Measure = ({ boards }) => {
  return (board) => -boards[board]!.memoryBytes;
};

/** The boards of the lowest measure; undefined where all have to be used and are too many to search. */
function promising(problem: PartitionProblem, measure: Measure): readonly number[] | undefined {
  const { boards, useAll, first } = problem;
  const all = boards.map((_, board) => board);
  if (useAll) return boards.length <= MOST_SEARCHED ? all : undefined;
  const of = measure(problem);
  const chosen = all.sort((a, b) => of(a) - of(b)).slice(0, POOL);
  if (first !== undefined && !chosen.includes(first)) chosen[chosen.length - 1] = first;
  return chosen.sort((a, b) => a - b);
}

/** The same problem on some of its boards. */
function restrict(problem: PartitionProblem, pool: readonly number[]): PartitionProblem {
  const { boards, times, link, linkCost, fits, first } = problem;
  const whole = (board: number) => pool[board]!;
  return {
    ...problem,
    boards: pool.map((board) => boards[board]!),
    times: pool.map((board) => times[board]!),
    first: first === undefined ? undefined : pool.indexOf(first),
    link: (from, to) => link(whole(from), whole(to)),
    linkCost: (from, to) => linkCost(whole(from), whole(to)),
    fits: (board, position, start, end) => fits(whole(board), position, start, end),
  };
}
