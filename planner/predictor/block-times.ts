import type { BlockTimes } from '../times.ts';
import type { Guarded } from './guard.ts';
import type { AdaptiveState } from './predictors/adaptive.ts';
import { inRow } from './predictors/rows.ts';
import type { Conditions, Predictor } from './types.ts';
import type { Pass, Work } from './work/work.ts';

/** What the planner asks of a board: see `PlannerBoard`. */
export interface PredictedTimes {
  readonly blocks: readonly (BlockTimes & { readonly relativeDeviation: number })[];
  readonly callSeconds: number;
}

/**
 * The times of a model's blocks on a board, from the works of each block alone (`blockWorks`). A block alone is a
 * program of its own: it is called, brings its input and output into another layout, and finds its caches cold. In a stage
 * of several blocks that happens once, so it is taken out of the blocks' times and given as `callSeconds`, the same for all
 * stages.
 */
export function blockTimesOf(
  predictor: Predictor<Guarded<AdaptiveState>>,
  state: Guarded<AdaptiveState>,
  works: readonly (readonly Work[])[],
  conditions?: Conditions,
): PredictedTimes {
  const calls: number[] = [];
  const blocks = works.map((ofBlock) => {
    const time = (pass: Pass) => {
      const work = ofBlock.find((candidate) => candidate.pass === pass);
      if (work === undefined) return { seconds: 0, relativeDeviation: 0 };
      const { seconds, relativeDeviation } = predictor.predict(state, work, conditions);
      const { interior, once } = inRow(state.inner, work, seconds);
      if (pass !== 'update') calls.push(once);
      return { seconds: interior, relativeDeviation };
    };
    const [forward, backward, update] = [time('forward'), time('backward'), time('update')];
    const weight = forward.seconds + backward.seconds;
    const deviation = forward.relativeDeviation * forward.seconds + backward.relativeDeviation * backward.seconds;
    return {
      forward: forward.seconds,
      backward: backward.seconds,
      update: update.seconds,
      relativeDeviation: deviation / weight,
    };
  });
  return { blocks, callSeconds: calls.reduce((sum, seconds) => sum + seconds, 0) / calls.length };
}
