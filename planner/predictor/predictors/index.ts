import { UnknownPredictorError } from '../errors.ts';
import { guarded } from '../guard.ts';
import type { Predictor } from '../types.ts';
import { adaptive } from './adaptive.ts';
import { flopsOnly, roofline, scalar } from './baselines.ts';

/** The predictor, and what it is compared with, by name. */
export const predictors = {
  adaptive: guarded(adaptive),
  scalar: guarded(scalar),
  roofline: guarded(roofline),
  flops: guarded(flopsOnly),
} as const;

export type PredictorName = keyof typeof predictors;
export const predictorNames = Object.keys(predictors) as readonly PredictorName[];

/** A predictor whose state only it can read. @throws UnknownPredictorError */
export function predictorNamed(name: string): Predictor<unknown> {
  if (!Object.hasOwn(predictors, name)) throw new UnknownPredictorError(name, predictorNames);
  return predictors[name as PredictorName] as Predictor<unknown>;
}
