import { UsageError } from '../errors.ts';
import type { Option } from '../options/index.ts';

/** A split of blocks over boards that was typed and cannot be. */
export class SplitError extends UsageError {
  constructor(problem: string) {
    super('SPLIT', `--split ${problem}.`);
  }
}

/** Consecutive blocks, both ends included. */
export interface BlockRun {
  readonly first: number;
  readonly last: number;
}

/** `0-2,3,4-9`: the blocks of each board, in the order of the pipeline. */
export function blockRuns(about: string): Option<readonly BlockRun[] | undefined> {
  return {
    about,
    placeholder: 'RUNS',
    rule: 'runs of blocks with commas between the boards, such as 0-2,3,4-9',
    read(text) {
      const runs = text.split(',').map((part) => {
        const [, first, last = first] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part) ?? [];
        return first === undefined ? undefined : { first: Number(first), last: Number(last) };
      });
      return runs.every((run) => run !== undefined) ? runs : undefined;
    },
  };
}

/**
 * Where each board's run ends: the first block that is the next board's.
 * @throws SplitError naming the board or the block that is wrong
 */
export function splitEnds(runs: readonly BlockRun[], boards: readonly string[], blocks: number): readonly number[] {
  if (runs.length !== boards.length) {
    throw new SplitError(`gives blocks to ${runs.length} boards, but there are ${boards.length}: ${boards.join(', ')}`);
  }
  let next = 0;
  for (const [index, { first, last }] of runs.entries()) {
    const run = `${first}-${last} of ${boards[index]}`;
    if (last < first) throw new SplitError(`has a run that ends before it begins: ${run}`);
    if (first < next) throw new SplitError(`gives block ${first} to two boards: it is in ${run} and before`);
    if (first > next) throw new SplitError(`gives block ${next} to nobody: ${run} begins at ${first}`);
    next = last + 1;
  }
  if (next !== blocks) {
    throw new SplitError(`ends at block ${next - 1}, but the model has blocks 0 to ${blocks - 1}`);
  }
  return runs.map(({ last }) => last + 1);
}
