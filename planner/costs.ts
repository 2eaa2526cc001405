/** What one block asks of a board. Flops and stash are for one micro-batch. */
export type BlockCost = {
  readonly name: string;
  readonly forwardFlops: number;
  readonly backwardFlops: number;
  readonly parameterBytes: number;
  readonly optimizerBytes: number;
  /** Kept from the forward to the backward of one micro-batch. */
  readonly stashBytesPerMicroBatch: number;
  /** Scratch of one run of the engine, beyond what is stashed. */
  readonly workspaceBytes: number;
  /** The tensor that leaves the block, and so the gradient that comes back into it. */
  readonly outputBytes: number;
};

/** What the planner knows of a board. */
export type Board = {
  readonly id: string;
  readonly flopsPerSecond: number;
  /** What training may use, not what is soldered on. */
  readonly memoryBytes: number;
};

/** Consecutive blocks taken together. */
export type RunCost = {
  /** Of one micro-batch, forward and backward. */
  readonly flops: number;
  readonly parameterBytes: number;
  readonly optimizerBytes: number;
  readonly stashBytesPerMicroBatch: number;
  readonly workspaceBytes: number;
  /** Arrives from the stage before; 0 for the run that begins with the data. */
  readonly inputBytes: number;
  /** Leaves for the stage behind; 0 for the run that ends with the loss. */
  readonly outputBytes: number;
};

/** Blocks `first` to `end - 1`, with `0 <= first < end <= blocks`. */
export type RunCosts = (first: number, end: number) => RunCost;

/**
 * Costs of any run of consecutive blocks, each answered in constant time after O(blocks²) of preparation.
 * Sums come from prefix sums. Scratch is the largest of the blocks': they run one after another in one arena.
 */
export function runCosts(blocks: readonly BlockCost[]): RunCosts {
  const flops = prefixSums(blocks.map((block) => block.forwardFlops + block.backwardFlops));
  const parameters = prefixSums(blocks.map((block) => block.parameterBytes));
  const optimizer = prefixSums(blocks.map((block) => block.optimizerBytes));
  const stash = prefixSums(blocks.map((block) => block.stashBytesPerMicroBatch));
  const workspace = runMaxima(blocks.map((block) => block.workspaceBytes));
  return (first, end) => ({
    flops: flops[end]! - flops[first]!,
    parameterBytes: parameters[end]! - parameters[first]!,
    optimizerBytes: optimizer[end]! - optimizer[first]!,
    stashBytesPerMicroBatch: stash[end]! - stash[first]!,
    workspaceBytes: workspace[first]![end - first - 1]!,
    inputBytes: first === 0 ? 0 : blocks[first - 1]!.outputBytes,
    outputBytes: end === blocks.length ? 0 : blocks[end - 1]!.outputBytes,
  });
}

/** `sums[i]` is the sum of the first i values. */
function prefixSums(values: readonly number[]): readonly number[] {
  const sums = [0];
  for (const value of values) sums.push(sums.at(-1)! + value);
  return sums;
}

/** `maxima[i][n]` is the largest of the n + 1 values from i on. */
function runMaxima(values: readonly number[]): readonly (readonly number[])[] {
  return values.map((_, first) => {
    let largest = 0;
    return values.slice(first).map((value) => {
      largest = Math.max(largest, value);
      return largest;
    });
  });
}
