import { evenPartition, type Partition, partition } from '../../planner/index.ts';
import { boardNames } from './scenario.ts';

/** Where the boards' runs end when each has as many blocks, whatever they cost and whatever the board. */
export function evenSplit(blockSeconds: readonly number[]): readonly number[] {
  return endsOf(
    evenPartition(
      requestOf(
        blockSeconds,
        boardNames.map(() => 1),
      ),
    ),
  );
}

/**
 * The best split when a board is one number, its time ÷ the reference's time for the same work, and links cost nothing.
 */
export function scalarSplit(blockSeconds: readonly number[], slowness: readonly number[]): readonly number[] {
  return endsOf(partition(requestOf(blockSeconds, slowness)));
}

/** The partition divides work by speed: here the work is in seconds of the reference, and the speed 1 ÷ slowness. */
function requestOf(blockSeconds: readonly number[], slowness: readonly number[]) {
  return {
    blocks: blockSeconds.map((seconds, index) => ({
      name: String(index),
      forwardFlops: seconds,
      backwardFlops: 0,
      parameterBytes: 0,
      optimizerBytes: 0,
      stashBytesPerMicroBatch: 0,
      workspaceBytes: 0,
      outputBytes: 0,
    })),
    boards: boardNames.map((id, index) => ({ id, flopsPerSecond: 1 / slowness[index]!, memoryBytes: 1e12 })),
    microBatches: 1,
  };
}

function endsOf({ stages }: Partition): readonly number[] {
  return stages.map(({ lastBlock }) => lastBlock + 1);
}
