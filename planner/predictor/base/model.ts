import { familyNames, familyOfKind, positionOf } from '../work/kinds.ts';
import { passes, type Work } from '../work/work.ts';
import { type Pattern, type Patterns, patternOf } from './patterns.ts';
import { effectOf, isKnownShape, type ShapeEffects } from './shapes.ts';
import { sumOfTrees, type Tree } from './trees.ts';

/** What is known of works on any board: a time for a unit of each kind of effort, and a correction by shape. */
export interface BaseModel {
  /** Seconds for a unit of each kind, in the order of `kinds`, on the reference board. */
  readonly unitSeconds: Float64Array;
  /** Their sum is added to the logarithm of the time. */
  readonly trees: readonly Tree[];
  /** Is added too. */
  readonly effects: ShapeEffects;
  readonly patterns: Patterns;
}

/** What the base model says of a work. */
export interface Reference {
  /** Logarithm of the seconds on the reference board. */
  readonly logSeconds: number;
  /** What a board may be faster or slower at, as far as this work has of it: see `features`. */
  readonly features: Float64Array;
  /** Of what the work's shape takes beyond its amounts, where no board was seen to compute it. */
  readonly shapeVariance: number;
}

/** Names of what `Reference.features` holds. Shares of the families sum to one. */
export const featureNames = [...familyNames, 'size', 'batch', 'backward', 'pattern 1', 'pattern 2'] as const;
export const featureCount = featureNames.length;

/** What was reckoned once: a work is asked about again and again. */
const references = new WeakMap<BaseModel, WeakMap<Work, Reference>>();

export function refer(base: BaseModel, work: Work): Reference {
  const ofBase = references.get(base);
  if (ofBase === undefined) {
    references.set(base, new WeakMap());
    return refer(base, work);
  }
  const known = ofBase.get(work);
  if (known !== undefined) return known;
  const reference = reckon(base, work);
  ofBase.set(work, reference);
  return reference;
}

function reckon(base: BaseModel, work: Work): Reference {
  const { seconds, shares } = linearSeconds(base.unitSeconds, work);
  const correction =
    sumOfTrees(base.trees, treeFeatures(work, Math.log(seconds), shares)) + effectOf(base.effects, work);
  return {
    logSeconds: Math.log(seconds) + correction,
    features: features(work, Math.log(seconds) + correction, shares, patternOf(base.patterns, work)),
    shapeVariance: isKnownShape(base.effects, work) ? 0 : base.effects.variance,
  };
}

const shortest = 1e-6;

/** The time as a sum over kinds, and each family's share of it. */
export function linearSeconds(unitSeconds: Float64Array, { amounts }: Work) {
  const shares = new Float64Array(familyNames.length);
  let seconds = shortest;
  shares[familyNames.indexOf('overhead')]! += shortest;
  for (let kind = 0; kind < amounts.length; kind++) {
    const part = amounts[kind]! * unitSeconds[kind]!;
    seconds += part;
    shares[familyOfKind[kind]!]! += part;
  }
  for (let family = 0; family < shares.length; family++) shares[family]! /= seconds;
  return { seconds, shares };
}

/** The logarithm of a millisecond: features are near zero for usual works. */
const usual = Math.log(1e-3);

function features({ microBatch, pass }: Work, logSeconds: number, shares: Float64Array, pattern: Pattern) {
  const all = new Float64Array(featureCount);
  all.set(shares);
  all[shares.length] = (logSeconds - usual) / 3;
  all[shares.length + 1] = Math.log2(microBatch / 8) / 2;
  all[shares.length + 2] = pass === 'backward' ? 1 : 0;
  all.set(pattern, shares.length + 3);
  return all;
}

const positionOfNodes = positionOf('nodes');
const positionOfTensors = positionOf('tensors');

/** What the trees ask about. */
export function treeFeatures(work: Work, logLinear: number, shares: Float64Array): number[] {
  const { amounts, traits, microBatch, pass } = work;
  return [
    logLinear,
    Math.log2(microBatch),
    passes.indexOf(pass),
    amounts[positionOfNodes]!,
    amounts[positionOfTensors]!,
    ...traits,
    ...shares,
  ];
}
