import type { BlockCost, Board } from './costs.ts';
import type { CodecCost, MessageCost } from './message-cost.ts';

/** Seconds that one block takes on one board. */
export type BlockTimes = {
  /** Of one micro-batch. */
  readonly forward: number;
  /** Of one micro-batch. */
  readonly backward: number;
  /** Once a step. */
  readonly update: number;
};

/** What the partition and the simulator know of a board. */
export type PlannerBoard = {
  readonly id: string;
  /** What training may use, not what is soldered on. */
  readonly memoryBytes: number;
  /** One for each block of the model, for micro-batches of the size that the plan is made for. */
  readonly blocks: readonly BlockTimes[];
  /** Of each call of the engine, whatever the blocks: a forward, a backward, a fused loss stage, an update. */
  readonly callSeconds: number;
  /**
   * What the board's own processor spends on a micro-batch's tensors over a cut, one there and one back, where that takes
   * time from computing: by the block behind the cut, and so one longer than `blocks`, 0 at both ends. None where absent.
   */
  readonly cutSeconds?: readonly number[];
  /** What `cutSeconds` were reckoned from, for links that encode. */
  readonly messages?: MessageCost;
  /** A nominal one where absent. */
  readonly codec?: CodecCost;
};

/** Seconds of a run of blocks as a stage. */
export type StageTimes = BlockTimes;

/** An optimizer reads and writes this many values for each parameter, so many flops at least. */
const UPDATE_FLOPS_PER_PARAMETER = 4;

/**
 * The times of a board of which nothing but a speed is known: flops ÷ flops a second. What stands in until the board
 * has a profile.
 */
export function timesFromFlops(board: Board, blocks: readonly BlockCost[]): PlannerBoard {
  const { id, memoryBytes, flopsPerSecond } = board;
  return {
    id,
    memoryBytes,
    callSeconds: 0,
    blocks: blocks.map(({ forwardFlops, backwardFlops, parameterBytes }) => ({
      forward: forwardFlops / flopsPerSecond,
      backward: backwardFlops / flopsPerSecond,
      update: (UPDATE_FLOPS_PER_PARAMETER * parameterBytes) / 4 / flopsPerSecond,
    })),
  };
}

/** The same board when it takes `factor` times as long for everything that its processor does. */
export function slowed(board: PlannerBoard, factor: number): PlannerBoard {
  const { blocks, callSeconds, cutSeconds, messages, codec } = board;
  return {
    ...board,
    callSeconds: factor * callSeconds,
    blocks: blocks.map(({ forward, backward, update }) => ({
      forward: factor * forward,
      backward: factor * backward,
      update: factor * update,
    })),
    ...(cutSeconds && { cutSeconds: cutSeconds.map((seconds) => factor * seconds) }),
    ...(messages && {
      messages: {
        ...messages,
        seconds: factor * messages.seconds,
        secondsPerByte: factor * messages.secondsPerByte,
      },
    }),
    ...(codec && {
      codec: {
        encodeSecondsPerByte: factor * codec.encodeSecondsPerByte,
        decodeSecondsPerByte: factor * codec.decodeSecondsPerByte,
      },
    }),
  };
}

/** Prefix sums of a board's times: blocks `first` to `end - 1` take `sums[end] - sums[first]`, and the call. */
export type RunTimes = {
  readonly forward: Float64Array;
  readonly backward: Float64Array;
  readonly update: Float64Array;
  readonly callSeconds: number;
  /** Half of `cutSeconds`: one half is in the forward, one in the backward pass. */
  readonly cut: Float64Array;
  /** Whether any of `cut` is above 0: then a longer run of blocks may take less than a shorter one. */
  readonly cuts: boolean;
};

const known = new WeakMap<PlannerBoard, RunTimes>();

/** The prefix sums of a board; made once for each board that does not change. */
export function runTimes(board: PlannerBoard): RunTimes {
  const before = known.get(board);
  if (before !== undefined) return before;
  const { blocks, callSeconds, cutSeconds = [] } = board;
  const of = (part: keyof BlockTimes) => prefixSums(blocks.map((times) => times[part]));
  const cut = Float64Array.from({ length: blocks.length + 1 }, (_, index) => (cutSeconds[index] ?? 0) / 2);
  const cuts = cutSeconds.some((seconds) => seconds > 0);
  const sums = { forward: of('forward'), backward: of('backward'), update: of('update'), callSeconds, cut, cuts };
  known.set(board, sums);
  return sums;
}

/** Seconds of blocks `first` to `end - 1` as a stage; `fused` where it does forward and backward in one call. */
export function timesOfRun(sums: RunTimes, first: number, end: number, fused: boolean): StageTimes {
  const { forward, backward, update, callSeconds, cut } = sums;
  const cuts = cut[first]! + cut[end]!;
  return {
    forward: forward[end]! - forward[first]! + callSeconds + cuts,
    backward: backward[end]! - backward[first]! + (fused ? 0 : callSeconds) + cuts,
    update: update[end]! - update[first]! + callSeconds,
  };
}

/** `sums[i]` is the sum of the first i values. */
export function prefixSums(values: readonly number[]): Float64Array {
  const sums = new Float64Array(values.length + 1);
  for (const [index, value] of values.entries()) sums[index + 1] = sums[index]! + value;
  return sums;
}
