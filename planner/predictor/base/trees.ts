/**
 * Gradient-boosted regression trees for squared error (Friedman 2001), as small as this needs: a few hundred samples,
 * some twenty features, trees of a few splits.
 */

/** A tree as arrays, so that a model file stays small; node i's children are `left[i]` and `left[i] + 1`. */
export interface Tree {
  /** The feature that a node asks about, −1 for a leaf. */
  readonly feature: readonly number[];
  /** Goes left where the feature is at most this; the value of a leaf. */
  readonly value: readonly number[];
  readonly left: readonly number[];
}

export interface BoostingOptions {
  readonly trees: number;
  readonly depth: number;
  /** What is taken of each tree's answer. */
  readonly rate: number;
  readonly leastSamples: number;
  /** Added to a leaf's count of samples: small leaves say less. */
  readonly shrinkage: number;
}

type Row = ArrayLike<number>;

export function boost(rows: readonly Row[], targets: readonly number[], options: BoostingOptions): readonly Tree[] {
  const residuals = Float64Array.from(targets);
  const thresholds = candidates(rows);
  const trees: Tree[] = [];
  for (let index = 0; index < options.trees; index++) {
    const tree = grow(rows, residuals, thresholds, options);
    trees.push(tree);
    rows.forEach((row, sample) => {
      residuals[sample]! -= leafOf(tree, row);
    });
  }
  return trees;
}

export function sumOfTrees(trees: readonly Tree[], row: Row): number {
  let sum = 0;
  for (const tree of trees) sum += leafOf(tree, row);
  return sum;
}

function leafOf({ feature, value, left }: Tree, row: Row): number {
  let node = 0;
  for (let asked = feature[0]!; asked >= 0; asked = feature[node]!) {
    node = row[asked]! <= value[node]! ? left[node]! : left[node]! + 1;
  }
  return value[node]!;
}

const mostThresholds = 24;

/** For each feature, values halfway between some of its sorted distinct values. */
function candidates(rows: readonly Row[]): readonly (readonly number[])[] {
  return Array.from({ length: rows[0]?.length ?? 0 }, (_, feature) => {
    const distinct = [...new Set(rows.map((row) => row[feature]!))].sort((a, b) => a - b);
    const between = distinct.slice(1).map((value, index) => (value + distinct[index]!) / 2);
    if (between.length <= mostThresholds) return between;
    const step = between.length / mostThresholds;
    return Array.from({ length: mostThresholds }, (_, index) => between[Math.floor((index + 0.5) * step)]!);
  });
}

interface Split {
  readonly feature: number;
  readonly threshold: number;
  readonly gain: number;
}

function grow(
  rows: readonly Row[],
  residuals: Float64Array,
  thresholds: readonly (readonly number[])[],
  { depth, rate, leastSamples, shrinkage }: BoostingOptions,
): Tree {
  const feature: number[] = [];
  const value: number[] = [];
  const left: number[] = [];
  const reserve = () => {
    feature.push(-1);
    value.push(0);
    left.push(-1);
    return feature.length - 1;
  };
  const build = (node: number, samples: readonly number[], levels: number): void => {
    const split = levels === 0 ? undefined : bestSplit(rows, residuals, samples, thresholds, leastSamples);
    if (split === undefined) {
      const total = samples.reduce((sum, sample) => sum + residuals[sample]!, 0);
      value[node] = (rate * total) / (samples.length + shrinkage);
      return;
    }
    feature[node] = split.feature;
    value[node] = split.threshold;
    left[node] = reserve();
    reserve();
    const goesLeft = (sample: number) => rows[sample]![split.feature]! <= split.threshold;
    const [first, second] = [left[node]!, left[node]! + 1];
    build(first, samples.filter(goesLeft), levels - 1);
    build(
      second,
      samples.filter((sample) => !goesLeft(sample)),
      levels - 1,
    );
  };
  build(reserve(), [...rows.keys()], depth);
  return { feature, value, left };
}

function bestSplit(
  rows: readonly Row[],
  residuals: Float64Array,
  samples: readonly number[],
  thresholds: readonly (readonly number[])[],
  leastSamples: number,
): Split | undefined {
  let best: Split | undefined;
  const total = samples.reduce((sum, sample) => sum + residuals[sample]!, 0);
  for (const [feature, candidates] of thresholds.entries()) {
    if (candidates.length === 0) continue;
    const counts = new Float64Array(candidates.length + 1);
    const sums = new Float64Array(candidates.length + 1);
    for (const sample of samples) {
      const bin = binOf(candidates, rows[sample]![feature]!);
      counts[bin]! += 1;
      sums[bin]! += residuals[sample]!;
    }
    let count = 0;
    let sum = 0;
    for (let bin = 0; bin < candidates.length; bin++) {
      count += counts[bin]!;
      sum += sums[bin]!;
      const rest = samples.length - count;
      if (count < leastSamples || rest < leastSamples) continue;
      const gain = (sum * sum) / count + (total - sum) ** 2 / rest - (total * total) / samples.length;
      if (gain > (best?.gain ?? 1e-9)) best = { feature, threshold: candidates[bin]!, gain };
    }
  }
  return best;
}

/** How many thresholds the value is above: it goes left at threshold i where it is in bin i or one before. */
function binOf(thresholds: readonly number[], value: number): number {
  let low = 0;
  let high = thresholds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= thresholds[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}
