import { alignRows, percent } from '../train/closing-table.ts';

/** What a board of a lab had of a core, against what it was meant to have. */
export interface BoardUse {
  readonly board: string;
  readonly quota: number;
  /** Processor seconds ÷ seconds since it was online; below the quota where it waited for others. */
  readonly usedShare: number;
  /** Of the time in which it wanted to compute, what it was held back for. */
  readonly throttledShare: number;
}

export function formatUses(uses: readonly BoardUse[]): readonly string[] {
  if (uses.length === 0) return [];
  const rows = uses.map(({ board, quota, usedShare, throttledShare }) => [
    board,
    percent(quota),
    percent(usedShare),
    percent(throttledShare),
  ]);
  return alignRows([['board', 'quota of a core', 'used', 'held back'], ...rows]);
}
