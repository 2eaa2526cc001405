/** What decides between splits: runs of blocks `first` to `end - 1` on the board of stage `stage`. */
export type SplitProblem = {
  readonly blocks: number;
  readonly stages: number;
  /** Never less for a longer run that contains a shorter one. */
  readonly seconds: (stage: number, first: number, end: number) => number;
  readonly fits: (stage: number, first: number, end: number) => boolean;
};

/** Where each stage's run ends; stage s holds blocks `ends[s - 1]` (0 for the first) to `ends[s] - 1`. */
export type Split = readonly number[];

/**
 * The contiguous split whose slowest stage is fastest, exactly, with at least one block a stage; undefined when none
 * fits. Dynamic programming over the stages: `slowest[s][end]` is the least slowest stage of the splits of the first
 * `end` blocks over stages 0 to s, so that
 *
 *     slowest[s][end] = min over first of max(slowest[s - 1][first], seconds(s, first, end)).
 *
 * O(blocks² · stages) at worst. A run that alone is no faster than the best split found ends the search for longer
 * runs, since those are no faster either.
 */
export function balance({ blocks, stages, seconds, fits }: SplitProblem): Split | undefined {
  const choices: Int32Array[] = [];
  let before = new Float64Array(blocks + 1).fill(Number.POSITIVE_INFINITY);
  before[0] = 0;
  for (let stage = 0; stage < stages; stage++) {
    const slowest = new Float64Array(blocks + 1).fill(Number.POSITIVE_INFINITY);
    const choice = new Int32Array(blocks + 1).fill(-1);
    const furthest = blocks - (stages - 1 - stage);
    for (let end = stage + 1; end <= furthest; end++) {
      for (let first = end - 1; first >= stage; first--) {
        const own = seconds(stage, first, end);
        if (own >= slowest[end]!) break;
        const candidate = Math.max(before[first]!, own);
        if (candidate < slowest[end]! && fits(stage, first, end)) {
          slowest[end] = candidate;
          choice[end] = first;
        }
      }
    }
    choices.push(choice);
    before = slowest;
  }
  return followBack(choices, blocks);
}

function followBack(choices: readonly Int32Array[], blocks: number): Split | undefined {
  const ends: number[] = [];
  let end = blocks;
  for (const choice of choices.toReversed()) {
    if (choice[end]! < 0) return undefined;
    ends.unshift(end);
    end = choice[end]!;
  }
  return ends;
}
