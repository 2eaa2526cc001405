import { mean, sum } from '../../statistics.ts';
import { type OwnTime, type OwnTimes, timeOf, withTime } from '../adaptation/own-times.ts';
import type { FittedModel } from '../base/fit.ts';
import { modelOf, rowEffectOf } from '../base/rows.ts';
import { borderShareOf, splitAlone } from '../base/within.ts';
import type { Work } from '../work/work.ts';

/** What of a board tells how its blocks add up to rows of blocks. */
export interface RowState {
  readonly model: FittedModel;
  readonly weights: { readonly mean: Float64Array };
  readonly works: OwnTimes;
}

/**
 * Before a row of a model was measured, beside what boards agree on. The variance is in units of a row's own: boards agree to 6 %, rows
 * scatter by 14 %.
 */
const unknown: OwnTime = { mean: 0, variance: 0.15 };
/** Boards change: what was measured often is not certain for ever. */
const leastVariance = 0.05;
/** What is farther off, as a logarithm, counts as this far off. */
const farthest = 0.3;

/** All rows of a model have it in common: 'rows of mobilenetv2@double'. No work has such a name. */
const nameOf = (work: Work) => `rows of ${modelOf(work)}`;

/** Of a block's time alone (`seconds`) on this board: what it takes in a row of blocks, and what the row has once. */
export function inRow({ model, weights, works }: RowState, work: Work, seconds: number) {
  const { interior, once } = splitAlone(
    model.within,
    work.pass,
    seconds,
    borderShareOf(model.base, weights.mean, work),
  );
  if (work.pass === 'update') return { interior, once };
  const factor = Math.exp(rowEffectOf(model.rows, work) + (timeOf(works, nameOf(work)) ?? unknown).mean);
  return { interior: factor * interior, once: factor * once };
}

/** What boards take for rows of this model's blocks beyond their sum, after one was measured: `alone` are the blocks' times alone. */
export function learnRow(state: RowState, parts: readonly Work[], alone: readonly number[], seconds: number): OwnTimes {
  const name = nameOf(parts[0]!);
  const blocks = parts.map((work, index) => inRow(state, work, alone[index]!));
  const expected = sum(blocks.map(({ interior }) => interior)) + mean(blocks.map(({ once }) => once));
  const off = Math.max(-farthest, Math.min(farthest, Math.log(seconds / expected)));
  const before = timeOf(state.works, name) ?? unknown;
  const gain = before.variance / (before.variance + 1);
  const variance = Math.max(leastVariance, before.variance * (1 - gain));
  return withTime(state.works, name, { mean: before.mean + gain * off, variance });
}
