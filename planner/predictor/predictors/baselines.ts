import type { FittedModel } from '../base/fit.ts';
import { type BaseModel, refer } from '../base/model.ts';
import type { Learner } from '../types.ts';
import { kinds } from '../work/kinds.ts';
import type { Work } from '../work/work.ts';

// What the predictor is compared with. None of them has an uncertainty worth the name: they say how far their own last
// measurements lay off.

const isFlops = kinds.map((kind) => kind.endsWith('flops'));
const isBytes = kinds.map((kind) => kind.endsWith('bytes'));

function total({ amounts }: Work, counted: readonly boolean[]): number {
  return amounts.reduce((sum, amount, kind) => sum + (counted[kind] === true ? amount : 0), 0);
}

const flopsOf = (work: Work) => total(work, isFlops);
const bytesOf = (work: Work) => total(work, isBytes);

/** The mean of the logarithm of measured ÷ reckoned, and the mean square around it. */
interface Scale {
  readonly mean: number;
  readonly square: number;
  readonly count: number;
}

const noScale: Scale = { mean: 0, square: 0, count: 0 };
/** Older measurements count for less and less. */
const longestMemory = 50;

function learnScale({ mean, square, count }: Scale, residual: number): Scale {
  const weight = 1 / Math.min(longestMemory, count + 1);
  return {
    mean: mean + weight * (residual - mean),
    square: square + weight * ((residual - mean) ** 2 - square),
    count: count + 1,
  };
}

const deviationOf = ({ square, count }: Scale) => (count < 2 ? 1 : Math.sqrt(square));

interface ScaledState {
  readonly model: FittedModel;
  readonly scale: Scale;
}

/** A time that is known up to one factor a board. */
function scaled(name: string, reckon: (work: Work, base: BaseModel) => number): Learner<ScaledState> {
  return {
    name,
    start: (model) => ({ model, scale: noScale }),
    predict: ({ model, scale }, work) => ({
      seconds: reckon(work, model.base) * Math.exp(scale.mean),
      relativeDeviation: deviationOf(scale),
      novelty: 1 / (1 + scale.count),
    }),
    learn: ({ model, scale }, { work, seconds }) => ({
      model,
      scale: learnScale(scale, Math.log(seconds / reckon(work, model.base))),
    }),
  };
}

/** A hundred bytes or so are moved in the time of a few flops: an update has no flops worth the name. */
const nominalRate = 1e10;

/** Operations ÷ the board's rate; where a work has none, one for each value that it moves. */
export const flopsOnly = scaled('flops', (work) => Math.max(flopsOf(work), bytesOf(work) / 4) / nominalRate);

/** Measured ÷ reference, one number a board (FTPipeHD, arXiv 2110.02781); the reference is the base model. */
export const scalar = scaled('scalar', (work, base) => Math.exp(refer(base, work).logSeconds));

interface RooflineState {
  readonly flopsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly scale: Scale;
}

function roof({ flopsPerSecond, bytesPerSecond }: RooflineState, work: Work): number {
  return Math.max(flopsOf(work) / flopsPerSecond, bytesOf(work) / bytesPerSecond, 1e-6);
}

/**
 * The larger of operations ÷ peak rate and bytes ÷ peak bandwidth (Williams 2009), both the best that the board has
 * shown, times how far its measurements lie above that on average.
 */
export const roofline: Learner<RooflineState> = {
  name: 'roofline',
  start: () => ({ flopsPerSecond: 1e7, bytesPerSecond: 1e6, scale: noScale }),
  predict: (state, work) => ({
    seconds: roof(state, work) * Math.exp(state.scale.mean),
    relativeDeviation: deviationOf(state.scale),
    novelty: 1 / (1 + state.scale.count),
  }),
  learn(state, { work, seconds }) {
    const next = {
      flopsPerSecond: Math.max(state.flopsPerSecond, flopsOf(work) / seconds),
      bytesPerSecond: Math.max(state.bytesPerSecond, bytesOf(work) / seconds),
    };
    const raised = { ...next, scale: state.scale };
    return { ...next, scale: learnScale(state.scale, Math.log(seconds / roof(raised, work))) };
  },
};
