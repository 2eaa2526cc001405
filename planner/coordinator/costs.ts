import type { Board } from '../index.ts';
import type { OnlineBoard } from './state.ts';

/**
 * What a core is taken to compute until boards are measured: the split depends only on the ratio between boards, so
 * this number moves the predicted seconds but no block.
 */
const NOMINAL_FLOPS_PER_SECOND_PER_CORE = 10e9;

export function plannerBoard({ id, cores, memoryBytes }: OnlineBoard): Board {
  return { id, flopsPerSecond: NOMINAL_FLOPS_PER_SECOND_PER_CORE * Math.max(1, cores), memoryBytes };
}
