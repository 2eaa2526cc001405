import type { MemoryShortfall } from '../errors.ts';
import { totalMemory } from '../memory.ts';
import type { PartitionProblem } from './problem.ts';

/**
 * Tells at which board the blocks no longer fit, where none of the ways of sharing them out does. Fills the boards one
 * after another as far as their memory goes: in their order where that is given, else the largest first.
 */
export function findShortfall(problem: PartitionProblem): MemoryShortfall {
  const { blocks, boards, fits, keepsOrder, useAll } = problem;
  const order = boards.map((_, board) => board);
  if (!keepsOrder) order.sort((a, b) => boards[b]!.memoryBytes - boards[a]!.memoryBytes);
  const used = order.slice(0, blocks.length);
  let first = 0;
  for (const [stage, board] of used.entries()) {
    const behind = used.length - 1 - stage;
    const furthest = blocks.length - (useAll ? behind : 0);
    let end = furthest;
    while (end > first && !fits(board, behind, first, end)) end--;
    // A smaller board behind one that holds nothing holds nothing either.
    if (end === first) return shortfallOf(problem, board, behind, first, behind === 0 ? furthest : first + 1);
    if (behind === 0 && end < furthest) return shortfallOf(problem, board, behind, first, furthest);
    first = end;
    if (first === blocks.length) break;
  }
  // The blocks fit one after another; with places in the stash counted for every stage they did not.
  const last = used.at(-1)!;
  return shortfallOf(problem, last, 0, Math.max(0, blocks.length - 1), blocks.length);
}

/** Blocks `first` to `end - 1` do not fit on the board: the first that is too much, and the bytes. */
export function shortfallOf(
  { blocks, boards, fits, memory }: PartitionProblem,
  board: number,
  position: number,
  first: number,
  end: number,
): MemoryShortfall {
  let block = first;
  while (block < end - 1 && fits(board, position, first, block + 1)) block++;
  return {
    board: boards[board]!.id,
    firstBlock: first,
    block,
    blockName: blocks[block]!.name,
    lastBlock: end - 1,
    neededBytes: totalMemory(memory(position, first, end)),
    memoryBytes: boards[board]!.memoryBytes,
  };
}
