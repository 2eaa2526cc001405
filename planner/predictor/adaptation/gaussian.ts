/** A normal distribution over the weights of a linear model; the covariance is symmetric, row by row. */
export interface Gaussian {
  readonly mean: Float64Array;
  readonly covariance: Float64Array;
}

export interface LinearPrediction {
  readonly mean: number;
  /** Of the linear part alone, without the noise of a measurement. */
  readonly variance: number;
}

export function predictLinear({ mean, covariance }: Gaussian, features: Float64Array): LinearPrediction {
  const size = mean.length;
  let value = 0;
  let variance = 0;
  for (let i = 0; i < size; i++) {
    const feature = features[i]!;
    if (feature === 0) continue;
    value += feature * mean[i]!;
    let row = 0;
    for (let j = 0; j < size; j++) row += covariance[i * size + j]! * features[j]!;
    variance += feature * row;
  }
  return { mean: value, variance };
}

/** The distribution after `target = features · weights + noise` was observed: one step of recursive least squares. */
export function updateLinear(prior: Gaussian, features: Float64Array, target: number, noiseVariance: number): Gaussian {
  const { mean, covariance } = prior;
  const size = mean.length;
  // gain = P·f / (fᵀ·P·f + r)
  const gain = new Float64Array(size);
  let variance = noiseVariance;
  let expected = 0;
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += covariance[i * size + j]! * features[j]!;
    gain[i] = sum;
    variance += features[i]! * sum;
    expected += features[i]! * mean[i]!;
  }
  const surprise = (target - expected) / variance;
  const nextMean = new Float64Array(size);
  const next = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    nextMean[i] = mean[i]! + gain[i]! * surprise;
    for (let j = 0; j < size; j++) next[i * size + j] = covariance[i * size + j]! - (gain[i]! * gain[j]!) / variance;
  }
  return { mean: nextMean, covariance: next };
}

/** The same, with a share of the prior's covariance added: what was learned is believed a little less. */
export function loosen({ mean, covariance }: Gaussian, towards: Float64Array, share: number): Gaussian {
  return { mean, covariance: covariance.map((value, index) => value + share * towards[index]!) };
}
