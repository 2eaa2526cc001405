import type { Normalization } from './normalization.ts';

/** The part of a data set: what is trained on, or what accuracy is measured on. */
export type Split = 'train' | 'test';

/** Labelled samples of one shape. Labels are in memory; samples are normalised when they are read. */
export interface DataSet {
  /** What the user called it, with the split: 'shapes (train)'. */
  readonly name: string;
  /** The shape of one sample: [channels, height, width] of images, [channels, time] of sensor windows. */
  readonly inputShape: readonly number[];
  /** The name of each class, in the order of the labels. */
  readonly classes: readonly string[];
  readonly count: number;
  /** For each sample the index of its class, 0 ≤ label < classes.length. */
  readonly labels: Uint8Array | Int32Array;
  /** What `read` takes from every channel and divides it by: always that of the training split unless another was given. */
  readonly normalization: Normalization;
  /**
   * Writes the samples of these indices, one after the other, as normalised float32.
   * Throws RangeError for an index outside 0 … count-1 or when `into` is shorter than what is written.
   */
  read(indices: ArrayLike<number>, into: Float32Array): void;
}

/** The samples of a split before normalisation; how they are stored is the format's business. */
export interface RawSplit {
  readonly inputShape: readonly number[];
  readonly classes: readonly string[];
  readonly labels: Uint8Array | Int32Array;
  readonly samples: SampleStore;
}

/** Samples in memory, in the form that takes the least of it. */
export interface SampleStore {
  readonly count: number;
  /** Adds, for every channel, the sum and the sum of squares of one sample's values (in the units of `write`). */
  accumulate(index: number, sums: ChannelSums): void;
  /** A writer of normalised samples: (value - mean[c]) / std[c] of sample `index`, from `into[offset]` on. */
  writer(normalization: Normalization): (index: number, into: Float32Array, offset: number) => void;
}

/** Running sums per channel. */
export interface ChannelSums {
  readonly sum: Float64Array;
  readonly sumOfSquares: Float64Array;
}

/** The number of values in one sample. */
export function sampleLength(inputShape: readonly number[]): number {
  return inputShape.reduce((product, extent) => product * extent, 1);
}

/** The data set that `read`s some samples (`chosen`, in this order) of a split, normalised. */
export function createDataSet(
  name: string,
  split: RawSplit,
  normalization: Normalization,
  chosen: Uint32Array | null = null,
): DataSet {
  const length = sampleLength(split.inputShape);
  const write = split.samples.writer(normalization);
  const labels = chosen === null ? split.labels : Int32Array.from(chosen, (index) => split.labels[index]!);
  const count = labels.length;
  return {
    name,
    inputShape: split.inputShape,
    classes: split.classes,
    count,
    labels,
    normalization,
    read(indices, into) {
      if (into.length < indices.length * length) {
        throw new RangeError(`${indices.length} samples of ${length} values do not fit into ${into.length}`);
      }
      for (let i = 0; i < indices.length; i++) {
        const index = indices[i]!;
        if (!Number.isInteger(index) || index < 0 || index >= count) {
          throw new RangeError(`sample ${index} of ${name} is outside 0 to ${count - 1}`);
        }
        write(chosen === null ? index : chosen[index]!, into, i * length);
      }
    },
  };
}
