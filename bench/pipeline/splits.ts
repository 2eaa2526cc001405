import { evenPartition, type Partition, type PartitionRequest, partition } from '../../planner/index.ts';
import { boardNames } from '../lab/scenario.ts';

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

/** Micro-batches enough for the slowest stage to decide, not the way through all of them. */
const MANY_MICRO_BATCHES = 64;

/** Times are seconds of the reference × slowness, all in the forward pass; nothing travels. */
function requestOf(blockSeconds: readonly number[], slowness: readonly number[]): PartitionRequest {
  return {
    blocks: blockSeconds.map((_, index) => ({
      name: String(index),
      forwardFlops: 1,
      backwardFlops: 0,
      parameterBytes: 0,
      optimizerBytes: 0,
      stashBytesPerMicroBatch: 0,
      workspaceBytes: 0,
      outputBytes: 0,
    })),
    boards: boardNames.map((id, index) => ({
      id,
      memoryBytes: 1e12,
      callSeconds: 0,
      blocks: blockSeconds.map((seconds) => ({ forward: seconds * slowness[index]!, backward: 0, update: 0 })),
    })),
    microBatches: MANY_MICRO_BATCHES,
    useAll: true,
    order: 'given',
  };
}

function endsOf({ stages }: Partition): readonly number[] {
  return stages.map(({ lastBlock }) => lastBlock + 1);
}
