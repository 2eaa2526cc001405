import { totalMemory } from '../memory.ts';
import type { PlannerBoard, RunTimes } from '../times.ts';
import type { PartitionProblem } from './problem.ts';

/**
 * A problem as flat arrays, for the search's inner loop. `work` is a measure of blocks that is common to all boards
 * (their mean share of a board's whole time); board i takes at least `slowness[i]` seconds for one unit of it.
 */
export type SearchTables = {
  readonly blocks: number;
  readonly boards: number;
  readonly times: readonly RunTimes[];
  /** `work[b]` of the first b blocks. */
  readonly work: Float64Array;
  readonly slowness: Float64Array;
  /** Boards by slowness, the fastest first. */
  readonly fastestFirst: readonly number[];
  /** Bytes that cross a cut before block b; 0 at 0. */
  readonly cutBytes: Float64Array;
  /** The least of `cutBytes` at the cuts before b. */
  readonly leastBytesBefore: Float64Array;
  /** From board i to board k at `i * boards + k`. */
  readonly perByte: Float64Array;
  readonly wirePerByte: Float64Array;
  readonly latency: Float64Array;
  /** Memory of blocks `first` to `end - 1` at `first * (blocks + 1) + end`: without the stash, and of each micro-batch in it. */
  readonly memory: Float64Array;
  readonly stash: Float64Array;
  readonly memoryBytes: Float64Array;
  /** The board before this one among those that are interchangeable with it; -1 for the first of them. */
  readonly twin: Int32Array;
};

export function searchTables(problem: PartitionProblem): SearchTables {
  const { blocks, boards, times } = problem;
  const { work, slowness } = workMeasure(times, blocks.length);
  const cutBytes = Float64Array.from(blocks, (_, b) => (b === 0 ? 0 : blocks[b - 1]!.outputBytes));
  return {
    blocks: blocks.length,
    boards: boards.length,
    times,
    work,
    slowness,
    fastestFirst: [...boards.keys()].sort((a, b) => slowness[a]! - slowness[b]!),
    cutBytes,
    leastBytesBefore: leastBefore(cutBytes),
    ...linkTables(problem),
    ...memoryTables(problem),
    memoryBytes: Float64Array.from(boards, ({ memoryBytes }) => memoryBytes),
    twin: findTwins(problem),
  };
}

export function workMeasure(times: readonly RunTimes[], blocks: number) {
  const ownOf = ({ forward, backward }: RunTimes, end: number) => forward[end]! + backward[end]!;
  const work = new Float64Array(blocks + 1);
  for (let b = 1; b <= blocks; b++) {
    let share = 0;
    for (const run of times) {
      const whole = ownOf(run, blocks);
      if (whole > 0) share += (ownOf(run, b) - ownOf(run, b - 1)) / whole;
    }
    work[b] = work[b - 1]! + share / times.length;
  }
  const slowness = Float64Array.from(times, (run) => {
    let least = Number.POSITIVE_INFINITY;
    for (let b = 1; b <= blocks; b++) {
      const unit = work[b]! - work[b - 1]!;
      if (unit > 0) least = Math.min(least, (ownOf(run, b) - ownOf(run, b - 1)) / unit);
    }
    return Number.isFinite(least) ? least : 0;
  });
  return { work, slowness };
}

function leastBefore(cutBytes: Float64Array): Float64Array {
  const least = new Float64Array(cutBytes.length + 1);
  let smallest = Number.POSITIVE_INFINITY;
  for (let b = 1; b <= cutBytes.length; b++) {
    least[b] = Number.isFinite(smallest) ? smallest : 0;
    if (b < cutBytes.length) smallest = Math.min(smallest, cutBytes[b]!);
  }
  return least;
}

function linkTables({ boards, linkCost }: PartitionProblem) {
  const count = boards.length;
  const perByte = new Float64Array(count * count);
  const wirePerByte = new Float64Array(count * count);
  const latency = new Float64Array(count * count);
  for (let from = 0; from < count; from++) {
    for (let to = 0; to < count; to++) {
      if (from === to) continue;
      const cost = linkCost(from, to);
      perByte[from * count + to] = cost.perByte;
      wirePerByte[from * count + to] = cost.wirePerByte;
      latency[from * count + to] = cost.latency;
    }
  }
  return { perByte, wirePerByte, latency };
}

/** Memory grows by the same bytes with each place in the stash; the search asks for it often. */
function memoryTables({ blocks, costs, memory }: PartitionProblem) {
  const row = blocks.length + 1;
  const fixed = new Float64Array(row * row);
  const stash = new Float64Array(row * row);
  for (let first = 0; first < blocks.length; first++) {
    for (let end = first + 1; end <= blocks.length; end++) {
      const parts = memory(0, first, end);
      fixed[first * row + end] = totalMemory({ ...parts, stash: 0 });
      stash[first * row + end] = costs(first, end).stashBytesPerMicroBatch;
    }
  }
  return { memory: fixed, stash };
}

/** Boards that could change places without anything changing: the search takes them in their given order only. */
function findTwins(problem: PartitionProblem): Int32Array {
  const { boards, keepsOrder, first } = problem;
  const twin = new Int32Array(boards.length).fill(-1);
  if (keepsOrder) return twin;
  for (let board = 1; board < boards.length; board++) {
    if (board === first) continue;
    for (let other = board - 1; other >= 0 && twin[board]! < 0; other--) {
      if (other !== first && areTwins(problem, board, other)) twin[board] = other;
    }
  }
  return twin;
}

function areTwins({ boards, linkCost, linksAreUniform }: PartitionProblem, one: number, other: number): boolean {
  if (!sameTimes(boards[one]!, boards[other]!)) return false;
  if (linksAreUniform) return true;
  const same = (from: number, to: number, fromOther: number, toOther: number) => {
    const a = linkCost(from, to);
    const b = linkCost(fromOther, toOther);
    return a.perByte === b.perByte && a.wirePerByte === b.wirePerByte && a.latency === b.latency;
  };
  return (
    same(one, other, other, one) &&
    boards.every((_, k) => k === one || k === other || (same(one, k, other, k) && same(k, one, k, other)))
  );
}

export function sameTimes(a: PlannerBoard, b: PlannerBoard): boolean {
  if (a.memoryBytes !== b.memoryBytes || a.callSeconds !== b.callSeconds) return false;
  if (a.cutSeconds !== b.cutSeconds && a.cutSeconds?.join() !== b.cutSeconds?.join()) return false;
  if (a.blocks === b.blocks) return true;
  return a.blocks.every((times, index) => {
    const { forward, backward, update } = b.blocks[index]!;
    return times.forward === forward && times.backward === backward && times.update === update;
  });
}
