import type { StageCost } from '../../models/index.ts';
import type { BlockCost, Board } from '../index.ts';
import type { OnlineBoard } from './state.ts';

/**
 * A block's cost as the partition reckons with it: the optimizer keeps `slots` tensors for each parameter that has
 * a gradient.
 */
export function plannerCost(cost: StageCost, slots: number): BlockCost {
  return {
    name: cost.name,
    forwardFlops: cost.forwardFlops,
    backwardFlops: cost.backwardFlops,
    parameterBytes: cost.parameterBytes,
    optimizerBytes: slots * cost.trainableBytes,
    stashBytesPerMicroBatch: cost.stashBytes,
    workspaceBytes: cost.workspaceBytes,
    outputBytes: cost.outputBytes,
  };
}

/**
 * What a core is taken to compute until boards are measured: the split depends only on the ratio between boards, so
 * this number moves the predicted seconds but no block.
 */
const NOMINAL_FLOPS_PER_SECOND_PER_CORE = 10e9;

export function plannerBoard({ id, cores, memoryBytes }: OnlineBoard): Board {
  return { id, flopsPerSecond: NOMINAL_FLOPS_PER_SECOND_PER_CORE * Math.max(1, cores), memoryBytes };
}
