import type { Plan } from './plan.ts';

/** A block that another board holds under the next plan. */
export type BlockMove = { readonly block: number; readonly from: string; readonly to: string };

/** The blocks that change hands between two plans of a run, in the model's order. */
export function blockMoves(before: Plan, after: Plan): readonly BlockMove[] {
  return Array.from({ length: before.blocks }, (_, block) => {
    return { block, from: holderOf(before, block), to: holderOf(after, block) };
  }).filter(({ from, to }) => from !== to);
}

/** Which blocks each taker gets. */
export function blocksByTaker(
  moves: readonly Pick<BlockMove, 'block' | 'to'>[],
): ReadonlyMap<string, readonly number[]> {
  const byTaker = Map.groupBy(moves, ({ to }) => to);
  return new Map([...byTaker].map(([to, taken]) => [to, taken.map(({ block }) => block)]));
}

/** Every board of either plan, once. */
export function boardsOfEither(before: Plan, after: Plan): readonly string[] {
  return [...new Set([...before.stages, ...after.stages].map(({ board }) => board))];
}

function holderOf({ stages }: Plan, block: number): string {
  return stages.find(({ firstBlock, lastBlock }) => firstBlock <= block && block <= lastBlock)!.board;
}
