import { blockMoves, blocksByTaker, type Plan } from '../../planner/index.ts';

/** What a board has to do with its blocks when a run changes from one plan to the next. */
export interface Handover {
  /** Blocks that it gives away, by the board that holds them next. */
  readonly gives: ReadonlyMap<string, readonly number[]>;
  /** Blocks that it gets, and the boards that hold them before. */
  readonly gets: readonly number[];
  readonly givers: readonly string[];
}

export function handoverOf(before: Plan, after: Plan, board: string): Handover {
  const moves = blockMoves(before, after);
  const given = moves.filter(({ from }) => from === board);
  const got = moves.filter(({ to }) => to === board);
  return {
    gives: blocksByTaker(given),
    gets: got.map(({ block }) => block),
    givers: [...new Set(got.map(({ from }) => from))],
  };
}
