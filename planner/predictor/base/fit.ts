import { mean, median, sum } from '../../statistics.ts';
import { type Gaussian, updateLinear } from '../adaptation/gaussian.ts';
import { familyNames, kinds } from '../work/kinds.ts';
import type { Work } from '../work/work.ts';
import { type BaseModel, featureCount, linearSeconds, type Reference, refer, treeFeatures } from './model.ts';
import { nonNegativeLeastSquares } from './nonnegative.ts';
import { type BoardRest, fitPatterns, noPatterns } from './patterns.ts';
import { fitRowEffects, type RowEffects, rowsOf } from './rows.ts';
import { fitShapeEffects } from './shapes.ts';
import { type BoostingOptions, boost, sumOfTrees } from './trees.ts';
import { type Border, borderShareOf, fitWithin, type StagePart, type StageSum, type Within } from './within.ts';

/** What was measured on one board. */
export interface BoardSamples {
  readonly board: string;
  readonly samples: readonly Sample[];
  /** What tells how blocks add up to stages. */
  readonly stages?: readonly StageSample[];
}

export interface Sample {
  readonly work: Work;
  readonly seconds: number;
  /** A single measurement of the same, where there is one: tells how noisy such measurements are. */
  readonly measured?: number;
}

/** A forward or backward pass of a stage, or both as one. */
export interface StageSample {
  readonly seconds: number;
  /** For each pass, the works of the blocks alone. */
  readonly parts: readonly { readonly pass: StagePart['pass']; readonly works: readonly Work[] }[];
}

/** A base model with how boards differ from it. */
export interface FittedModel {
  readonly base: BaseModel;
  /** How the boards that were trained on are spread around the reference: what a new board is expected to be like. */
  readonly prior: Gaussian;
  /**
   * Variance of a single measurement around what the base and its board's weights say, by class (see `noiseClass`), on a
   * board that scatters as most do.
   */
  readonly noise: readonly number[];
  readonly within: Within;
  readonly rows: RowEffects;
}

export interface FitOptions {
  readonly boosting: BoostingOptions;
  readonly outerRounds: number;
  readonly spreadRounds: number;
  /** Boards' worth of belief in `priorDeviation`. */
  readonly priorBoards: number;
  /** How far boards differ in one weight beyond what they differ in all, before any was seen. */
  readonly priorDeviation: number;
}

export const defaultFitOptions: FitOptions = {
  boosting: { trees: 80, depth: 4, rate: 0.15, leastSamples: 3, shrinkage: 1 },
  outerRounds: 3,
  spreadRounds: 15,
  priorBoards: 2,
  priorDeviation: 0.15,
};

/** How strongly works scatter depends on how long they take: below 0.3 ms, below 3 ms, and longer. */
export function noiseClass(logSeconds: number): 0 | 1 | 2 {
  if (logSeconds < Math.log(3e-4)) return 0;
  return logSeconds < Math.log(3e-3) ? 1 : 2;
}
export const noiseClasses = 3;

interface Known {
  readonly work: Work;
  /** Index of the board and logarithm of what it took. */
  readonly times: readonly { readonly board: number; readonly log: number }[];
}

/**
 * Fits the base model and the spread of boards in turns: given each board's weights, what a work takes on the reference
 * board follows, and from that the base; given the base, each board's weights follow, and from those their spread
 * (expectation maximisation for a linear mixed model).
 */
export function fitModel(boards: readonly BoardSamples[], options: FitOptions = defaultFitOptions): FittedModel {
  const known = collect(boards);
  let weights: readonly Float64Array[] = boards.map((_, board) => commonWeights(commonFactor(known, board)));
  let scatter: readonly number[] = boards.map(() => 1);
  let base: BaseModel | undefined;
  for (let round = 0; round < options.outerRounds; round++) {
    const before = base;
    base = fitBase(known, options, scatter, (work, board) => {
      const features = before === undefined ? commonFeatures : refer(before, work).features;
      return dot(features, weights[board]!);
    });
    ({ weights, scatter } = fitSpread(boards, base, options));
  }
  const patterned = { ...base!, patterns: fitPatterns(restsOf(known, base!, weights), boards.length) };
  return withSpread(boards, patterned, options);
}

/** What the base and the boards' weights leave of each work's time on each board. */
function restsOf(known: readonly Known[], base: BaseModel, weights: readonly Float64Array[]): readonly BoardRest[] {
  return known.flatMap(({ work, times }) => {
    const { logSeconds, features } = refer(base, work);
    return times.map(({ board, log }) => ({ work, board, log: log - logSeconds - dot(features, weights[board]!) }));
  });
}

function withSpread(boards: readonly BoardSamples[], base: BaseModel, options: FitOptions): FittedModel {
  const { prior, noise, weights } = fitSpread(boards, base, options);
  const single = measurementNoise(boards, base);
  const sums = boards.flatMap(({ stages = [] }, board) =>
    stages.map((stage) => ({ board, stage: sumOf(base, weights[board]!, stage) })),
  );
  const within = fitWithin(sums.map(({ stage }) => stage));
  const rows = fitRowEffects(sums, within);
  return { base, prior, noise: noise.map((own, index) => own + single[index]!), within, rows };
}

/** A stage's blocks as they are predicted for a board with these weights. */
function sumOf(base: BaseModel, weights: Float64Array, { seconds, parts }: StageSample): StageSum {
  return {
    seconds,
    parts: parts.map(({ pass, works }) => {
      const times = works.map((work) => {
        const { logSeconds, features } = refer(base, work);
        return Math.exp(logSeconds + dot(features, weights));
      });
      const borders = works.map((work) => borderShareOf(base, weights, work));
      const gone = (of: keyof Border) =>
        sum(borders.map((border, index) => times[index]! * border[of])) * (1 - 1 / works.length);
      const goneSeconds = { call: gone('call'), layout: gone('layout') };
      return { pass, rows: rowsOf(works[0]!), blockSeconds: sum(times), goneSeconds };
    }),
  };
}

const keyOf = ({ id, amounts }: Work) => `${id} ${amounts.join(',')}`;

/** The works of all boards; the same block in another layout is another work. */
function collect(boards: readonly BoardSamples[]): readonly Known[] {
  const all = new Map<string, { work: Work; times: { board: number; log: number }[] }>();
  for (const [board, { samples }] of boards.entries()) {
    for (const { work, seconds } of samples) {
      const key = keyOf(work);
      const entry = all.get(key) ?? { work, times: [] };
      entry.times.push({ board, log: Math.log(seconds) });
      all.set(key, entry);
    }
  }
  return [...all.values()];
}

const commonFeatures = commonWeights(1 / familyNames.length);

/** All families alike; the other features play no part. */
function commonWeights(value: number): Float64Array {
  return new Float64Array(featureCount).fill(value).fill(0, familyNames.length);
}

/** A board's factor: the median over its works of how they differ from the same works' mean over boards. */
function commonFactor(known: readonly Known[], board: number): number {
  const differences = known.flatMap(({ work, times }) => {
    const own = times.find((time) => time.board === board);
    // Blocked and plain boards share only works without a layout: those tell them apart.
    return own === undefined || times.length < 3 || work.pass === 'update'
      ? []
      : [own.log - mean(times.map(({ log }) => log))];
  });
  return differences.length === 0 ? 0 : median(differences);
}

function fitBase(
  known: readonly Known[],
  { boosting }: FitOptions,
  scatter: readonly number[],
  offset: (work: Work, board: number) => number,
): BaseModel {
  const works = known.map(({ work }) => work);
  const targets = known.map(({ work, times }) =>
    weightedMedian(times.map(({ board, log }) => ({ value: log - offset(work, board), weight: 1 / scatter[board]! }))),
  );
  const rows = works.map(({ amounts }, index) => amounts.map((amount) => amount / Math.exp(targets[index]!)));
  // Kinds in units of their own: flops are many and calls are few.
  const scales = kinds.map((_, kind) => Math.max(...rows.map((row) => row[kind]!)) || 1);
  const scaled = rows.map((row) => row.map((value, kind) => value / scales[kind]!));
  const solution = nonNegativeLeastSquares(scaled, new Array<number>(rows.length).fill(1), { ridge: 1e-4 });
  const unitSeconds = solution.map((value, kind) => value / scales[kind]!);
  const linear = works.map((work) => linearSeconds(unitSeconds, work));
  const residuals = targets.map((target, index) => clamp(target - Math.log(linear[index]!.seconds), 1.5));
  const features = works.map((work, index) =>
    treeFeatures(work, Math.log(linear[index]!.seconds), linear[index]!.shares),
  );
  const trees = boost(features, residuals, boosting);
  const effects = fitShapeEffects(
    known.map(({ work, times }, index) => ({
      work,
      log: residuals[index]! - sumOfTrees(trees, features[index]!),
      boards: times.length,
    })),
  );
  return { unitSeconds, trees, effects, patterns: noPatterns };
}

interface Spread {
  readonly prior: Gaussian;
  readonly noise: readonly number[];
  readonly weights: readonly Float64Array[];
  /** For each board, the factor of the noise's variance. */
  readonly scatter: readonly number[];
}

function fitSpread(boards: readonly BoardSamples[], base: BaseModel, options: FitOptions): Spread {
  const size = featureCount;
  const floor = diagonal(size, options.priorDeviation ** 2);
  const data = boards.map(({ samples }) =>
    samples.map(({ work, seconds }) => {
      const reference = refer(base, work);
      return { reference, target: Math.log(seconds) - reference.logSeconds };
    }),
  );
  let prior: Gaussian = { mean: new Float64Array(size), covariance: startingSpread(size) };
  let noise: readonly number[] = new Array<number>(noiseClasses).fill(0.02);
  let scatter: readonly number[] = boards.map(() => 1);
  let posteriors: readonly Gaussian[] = [];
  for (let round = 0; round < options.spreadRounds; round++) {
    posteriors = data.map((samples, board) =>
      samples.reduce(
        (state, { reference, target }) =>
          updateLinear(
            state,
            reference.features,
            clamp(target, 3),
            scatter[board]! * noise[noiseClass(reference.logSeconds)]!,
          ),
        prior,
      ),
    );
    prior = { mean: prior.mean, covariance: covarianceOf(posteriors, floor, options.priorBoards) };
    const residuals = residualsOf(data, posteriors);
    noise = noiseOf(residuals, scatter);
    scatter = scatterOf(residuals, noise);
  }
  return { prior, noise, scatter, weights: posteriors.map(({ mean: weights }) => weights) };
}

/** Boards differ in speed by factors of ten, and by less in what they are good at. */
function startingSpread(size: number): Float64Array {
  const covariance = diagonal(size, 0.1);
  const families = familyNames.length;
  for (let i = 0; i < families; i++) for (let j = 0; j < families; j++) covariance[i * size + j]! += 1;
  return covariance;
}

/** Σ = (Σ_b (μ_b·μ_bᵀ + P_b) + n₀·floor) / (boards + n₀) */
function covarianceOf(posteriors: readonly Gaussian[], floor: Float64Array, priorBoards: number): Float64Array {
  const total = floor.map((value) => priorBoards * value);
  for (const { mean: weights, covariance } of posteriors) {
    const size = weights.length;
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) total[i * size + j]! += weights[i]! * weights[j]! + covariance[i * size + j]!;
    }
  }
  return total.map((value) => value / (posteriors.length + priorBoards));
}

type Measured = readonly { readonly reference: Reference; readonly target: number }[];

const leastNoise = 0.03 ** 2;

interface Residual {
  readonly noiseClass: number;
  readonly size: number;
}

/** How far each board's samples lie from what its weights say. */
function residualsOf(data: readonly Measured[], posteriors: readonly Gaussian[]): readonly (readonly Residual[])[] {
  return data.map((samples, board) =>
    samples.map(({ reference, target }) => ({
      noiseClass: noiseClass(reference.logSeconds),
      size: Math.abs(target - dot(reference.features, posteriors[board]!.mean)),
    })),
  );
}

/** 1.48 × the median absolute deviation is the standard deviation of a normal distribution, whatever the outliers. */
const variance = (sizes: readonly number[]) => (1.48 * median(sizes)) ** 2;

function noiseOf(residuals: readonly (readonly Residual[])[], scatter: readonly number[]): readonly number[] {
  return Array.from({ length: noiseClasses }, (_, wanted) => {
    const sizes = residuals.flatMap((ofBoard, board) =>
      ofBoard.filter((each) => each.noiseClass === wanted).map(({ size }) => size / Math.sqrt(scatter[board]!)),
    );
    return sizes.length === 0 ? 0.04 : Math.max(leastNoise, variance(sizes));
  });
}

/** Variance of single measurements around the times of the works, but for what a board's have in common. */
function measurementNoise(boards: readonly BoardSamples[], base: BaseModel): readonly number[] {
  const apart = boards.flatMap(({ samples }) => {
    const known = samples.flatMap(({ work, seconds, measured }) =>
      measured === undefined || measured === seconds ? [] : [{ work, log: Math.log(measured / seconds) }],
    );
    const common = known.length === 0 ? 0 : median(known.map(({ log }) => log));
    return known.map(({ work, log }) => ({
      noiseClass: noiseClass(refer(base, work).logSeconds),
      size: Math.abs(log - common),
    }));
  });
  return Array.from({ length: noiseClasses }, (_, wanted) => {
    const sizes = apart.filter((each) => each.noiseClass === wanted).map(({ size }) => size);
    return sizes.length === 0 ? 0 : variance(sizes);
  });
}

/** Around 1: the board in the middle scatters as the noise says. */
function scatterOf(residuals: readonly (readonly Residual[])[], noise: readonly number[]): readonly number[] {
  const raw = residuals.map((ofBoard) =>
    variance(ofBoard.map(({ size, noiseClass: own }) => size / Math.sqrt(noise[own]!))),
  );
  const middle = median(raw);
  return raw.map((value) => Math.max(0.2, Math.min(30, value / middle)));
}

function diagonal(size: number, value: number): Float64Array {
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) matrix[i * size + i] = value;
  return matrix;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function weightedMedian(values: readonly { readonly value: number; readonly weight: number }[]): number {
  const sorted = values.toSorted((a, b) => a.value - b.value);
  const half = sorted.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let passed = 0;
  for (const [index, { value, weight }] of sorted.entries()) {
    passed += weight;
    if (passed > half * (1 + 1e-9)) return value;
    // exactly in the middle: between this one and the next
    if (passed >= half * (1 - 1e-9)) return (value + (sorted[index + 1]?.value ?? value)) / 2;
  }
  return sorted.at(-1)!.value;
}

function clamp(value: number, most: number): number {
  return Math.max(-most, Math.min(most, value));
}
