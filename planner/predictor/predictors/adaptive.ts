import { type Gaussian, predictLinear, updateLinear } from '../adaptation/gaussian.ts';
import { noTimes, type OwnTime, type OwnTimes, timeOf, withTime } from '../adaptation/own-times.ts';
import { type FittedModel, noiseClass } from '../base/fit.ts';
import { featureCount, type Reference, refer } from '../base/model.ts';
import type { Conditions, Learner, Observation, Prediction } from '../types.ts';
import { familyNames } from '../work/kinds.ts';
import type { Work } from '../work/work.ts';
import { learnRow } from './rows.ts';

/** What is known of one board. */
export interface AdaptiveState {
  readonly model: FittedModel;
  /** What the board is faster or slower at than the reference: weights of `Reference.features`. */
  readonly weights: Gaussian;
  /** What single works take beyond that, by id. */
  readonly works: OwnTimes;
  /** How the last measurements lay around their predictions, in standard deviations, the newest counting half. */
  readonly trend: number;
  /** How much more this board's measurements scatter than those that were trained on: a factor of the variance. */
  readonly scatter: number;
}

/**
 * The predictor: the base model's time, corrected by what the board has been seen to be like (Bayesian linear regression
 * on the logarithm of measured ÷ reference, whose prior is the spread of the boards that were trained on), and by what
 * the very work has been seen to take. What was learned long ago is slowly believed less, and quickly once several
 * measurements in a row lie on one side: a board that is throttled is followed.
 */
export const adaptive: Learner<AdaptiveState> = {
  name: 'adaptive',
  start: (model) => ({ model, weights: model.prior, works: noTimes, trend: 0, scatter: 1 }),
  predict(state, work, conditions) {
    const reference = refer(state.model.base, work);
    return predictFrom(state, work, reference, conditions).prediction;
  },
  learn(before, observation) {
    const state = learnWork(before, observation);
    return observation.parts === undefined ? state : { ...state, works: learnParts(state, observation) };
  },
};

/** From a row of blocks as from any work: it is one program. */
function learnWork(state: AdaptiveState, { work, seconds, conditions }: Observation): AdaptiveState {
  const reference = refer(state.model.base, work);
  const { linear, own, noise, deviation } = predictFrom(state, work, reference, conditions);
  const target = Math.log(seconds) - reference.logSeconds - shift(reference, conditions);
  const surprise = (target - linear.mean - own.mean) / deviation;
  const trend = (1 - trendShare) * state.trend + trendShare * Math.max(-alone, Math.min(alone, surprise));
  const hasChanged = Math.abs(trend) > changed;
  // A lone measurement far off is believed little; one of several on the same side is not alone.
  const doubt = hasChanged ? 1 : Math.max(1, Math.abs(surprise));
  const loosened = loosenCommon(state.weights, hasChanged ? changeVariance : driftVariance);
  const weights = updateLinear(loosened, reference.features, target - (hasChanged ? 0 : own.mean), noise * doubt);
  const rest = target - predictLinear(weights, reference.features).mean;
  return {
    ...state,
    weights,
    trend: hasChanged ? trend / 2 : trend,
    scatter: learnScatter(state.scatter, surprise),
    works: learnOwn(state.works, work, rest, doubt),
  };
}

/** And from a row beside its blocks: how they add up. */
function learnParts(state: AdaptiveState, { seconds, parts = [], conditions }: Observation): OwnTimes {
  const alone = parts.map((part) => adaptive.predict(state, part, conditions).seconds);
  return parts.length < 2 ? state.works : learnRow(state, parts, alone, seconds);
}

const trendShare = 0.4;
/** Standard deviations. */
const changed = 2.2;
const alone = 2.5;
/** Of the logarithm of a board's speed, from one measurement to the next: 0.2 %, or 50 % where it has changed. */
const driftVariance = 0.002 ** 2;
const changeVariance = 0.5 ** 2;

const scatterRate = 0.1;
const leastScatter = 0.5;
const mostScatter = 30;

/** Up where surprises are larger than expected, down where they are smaller; a huge one counts as a large one. */
function learnScatter(scatter: number, surprise: number): number {
  const next = scatter * Math.exp(scatterRate * (Math.min(surprise ** 2, alone ** 2) - 1));
  return Math.max(leastScatter, Math.min(mostScatter, next));
}

/**
 * What a work takes of its own is a sum: what all passes of its block have in common, what this pass has at any
 * micro-batch, and its very own. The variance of each, before anything is measured, as a share of the noise; the rest is
 * that of a single measurement.
 */
const levels = [
  { nameOf: ({ id }: Work) => id.slice(0, id.indexOf(' ')), share: 0.15 },
  { nameOf: ({ id }: Work) => id.slice(0, id.lastIndexOf(' ')), share: 0.3 },
  { nameOf: ({ id }: Work) => id, share: 0.25 },
] as const;
const measurementShare = 1 - levels.reduce((sum, { share }) => sum + share, 0);
/** Own times change too: what has been measured often is not certain for ever. */
const leastOwnVariance = 0.05;

function ownTimes(works: OwnTimes, work: Work) {
  return levels.map(({ nameOf, share }) => {
    const name = nameOf(work);
    return { name, time: timeOf(works, name) ?? { mean: 0, variance: share } };
  });
}

/** The sum of a work's own times. */
function ownOf(works: OwnTimes, work: Work): OwnTime {
  let mean = 0;
  let variance = 0;
  for (const { time } of ownTimes(works, work)) {
    mean += time.mean;
    variance += time.variance;
  }
  return { mean, variance };
}

/** Gives each level its share of what was measured beyond the board's part (`rest`). */
function learnOwn(works: OwnTimes, work: Work, rest: number, doubt: number): OwnTimes {
  const before = ownOf(works, work);
  const total = before.variance + measurementShare * doubt;
  return ownTimes(works, work).reduce((times, { name, time }) => {
    const gain = time.variance / total;
    const mean = time.mean + gain * (rest - before.mean);
    return withTime(times, name, { mean, variance: Math.max(leastOwnVariance, time.variance * (1 - gain)) });
  }, works);
}

function predictFrom(state: AdaptiveState, work: Work, reference: Reference, conditions: Conditions | undefined) {
  const { model, weights, works, scatter } = state;
  const linear = predictLinear(weights, reference.features);
  const noise = scatter * model.noise[noiseClass(reference.logSeconds)]! + reference.shapeVariance;
  const own = ownOf(works, work);
  const expected = reference.logSeconds + linear.mean + own.mean + shift(reference, conditions);
  const deviation = Math.sqrt(linear.variance + noise * (own.variance + measurementShare));
  const prediction: Prediction = {
    seconds: Math.exp(expected),
    relativeDeviation: deviation,
    novelty: linear.variance / noise,
  };
  return { linear, noise, own, deviation, prediction };
}

const computing: readonly boolean[] = familyNames.map(
  (name) => !['memory', 'border', 'weights', 'update'].includes(name),
);

/** What the board's condition adds to the logarithm: a lower frequency slows computation, other load slows all. */
function shift({ features }: Reference, conditions: Conditions | undefined): number {
  if (conditions === undefined) return 0;
  const { frequencyRatio = 1, otherLoad = 0 } = conditions;
  const share = computing.reduce((sum, computes, index) => sum + (computes ? features[index]! : 0), 0);
  return -share * Math.log(frequencyRatio) - Math.log(1 - Math.min(0.99, otherLoad));
}

/** Adds variance in the direction in which all families change alike. */
function loosenCommon({ mean, covariance }: Gaussian, variance: number): Gaussian {
  const next = covariance.slice();
  for (let i = 0; i < familyNames.length; i++) {
    for (let j = 0; j < familyNames.length; j++) next[i * featureCount + j]! += variance;
  }
  return { mean, covariance: next };
}
