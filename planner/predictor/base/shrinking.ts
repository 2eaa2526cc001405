import { sum } from '../../statistics.ts';

/** What is left of something's time, as a logarithm, on so many boards. */
export interface Weighed {
  readonly log: number;
  readonly boards: number;
}

/** So many boards' worth of belief that nothing is special about what is seen. */
const priorBoards = 4;

/** The mean, drawn towards none: what few boards say is believed less. */
export function shrunkenMean(all: readonly Weighed[]): number {
  return sum(all.map(({ log, boards }) => boards * log)) / (sum(all.map(({ boards }) => boards)) + priorBoards);
}
