import { randomStream } from '../../models/index.ts';
import type { RawSplit } from './data_set.ts';
import { DataOptionError } from './errors.ts';

/**
 * Mean and standard deviation of each channel. Images count in units of 0 … 1 (a byte ÷ 255), sensor values in their own.
 */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** More samples than this no longer change the third digit; the sample is drawn with a fixed key. */
const SAMPLE_LIMIT = 10_000;

/** A channel that never changes is shifted to zero, not blown up. */
const SMALLEST_STD = 1e-6;

/** Indices of at most `limit` of `count` samples, evenly at random but the same every time, in ascending order. */
export function chooseSamples(count: number, limit: number, purpose: string): Uint32Array | null {
  if (limit >= count) return null;
  return randomStream(0, 'data', purpose, count).permutation(count).slice(0, limit).sort();
}

/** The normalisation of a training split: the same for the same data on every machine. */
export function measureNormalization(split: RawSplit): Normalization {
  const channels = split.inputShape[0]!;
  const sums = { sum: new Float64Array(channels), sumOfSquares: new Float64Array(channels) };
  const count = split.samples.count;
  const chosen = chooseSamples(count, SAMPLE_LIMIT, 'normalization');
  const used = chosen === null ? count : chosen.length;
  for (let i = 0; i < used; i++) split.samples.accumulate(chosen === null ? i : chosen[i]!, sums);
  const valuesPerChannel = used * split.inputShape.slice(1).reduce((product, extent) => product * extent, 1);
  const mean = Array.from(sums.sum, (sum) => sum / valuesPerChannel);
  const std = Array.from(sums.sumOfSquares, (sum, c) => {
    const deviation = Math.sqrt(Math.max(0, sum / valuesPerChannel - mean[c]! * mean[c]!));
    return deviation < SMALLEST_STD ? 1 : deviation;
  });
  return { mean, std };
}

/** Throws DataOptionError when a given normalisation does not fit data of this many channels. */
export function checkNormalization(normalization: Normalization, channels: number): Normalization {
  const { mean, std } = normalization;
  const fits =
    mean.length === channels &&
    std.length === channels &&
    mean.every(Number.isFinite) &&
    std.every((value) => Number.isFinite(value) && value > 0);
  if (!fits) {
    throw new DataOptionError(
      'normalization',
      normalization,
      `the data has ${channels} channels: give a mean and a positive std for each`,
    );
  }
  return normalization;
}
