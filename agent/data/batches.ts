import { randomStream } from '../../models/index.ts';
import { type Augmentation, augment, drawAugmentation } from './augment.ts';
import { type DataSet, sampleLength } from './data_set.ts';
import { DataOptionError, TooFewSamplesError } from './errors.ts';

export interface BatchSourceOptions {
  readonly dataSet: DataSet;
  /** Samples of one step, all micro-batches together. */
  readonly batch: number;
  readonly seed: number;
  /** Varies the images; only for samples of [channels, height, width]. */
  readonly augment?: Augmentation;
}

/** Inputs and labels of a micro-batch. */
export interface MicroBatch {
  /** float32 [samples, …inputShape], normalised and augmented. */
  readonly images: Float32Array;
  /** int32 [samples]. */
  readonly labels: Int32Array;
}

/**
 * What is trained on in each step: a pure function of (seed, step), so that a replayed step, a resumed run and every
 * board see the same samples.
 *
 * Steps count from 0 over all epochs. Each epoch is a new permutation of the data; its last incomplete batch is dropped.
 * A micro-batch is the part `microBatch` of `microBatches` equal parts of the step's batch.
 */
export interface BatchSource {
  readonly dataSet: DataSet;
  readonly batch: number;
  readonly stepsPerEpoch: number;
  /** The samples of a step, in their order. */
  indicesFor(step: number): Uint32Array;
  /** The labels alone: what the last stage needs. */
  labelsFor(step: number, microBatch?: number, microBatches?: number): Int32Array;
  read(step: number, microBatch?: number, microBatches?: number): MicroBatch;
}

/** Throws TooFewSamplesError when there is not one batch of data, DataOptionError for options that cannot be. */
export function batchSource({ dataSet, batch, seed, augment: augmentation }: BatchSourceOptions): BatchSource {
  checkOptions(dataSet, batch, augmentation);
  const stepsPerEpoch = Math.floor(dataSet.count / batch);
  let remembered = { epoch: -1, order: new Uint32Array() }; // only saves time: a permutation serves a whole epoch

  function orderOf(epoch: number): Uint32Array {
    if (remembered.epoch !== epoch) {
      remembered = { epoch, order: randomStream(seed, 'batches', epoch).permutation(dataSet.count) };
    }
    return remembered.order;
  }

  function indicesFor(step: number): Uint32Array {
    if (!Number.isInteger(step) || step < 0) throw new RangeError(`step ${step} is not a whole number from 0 on`);
    const first = (step % stepsPerEpoch) * batch;
    return orderOf(Math.floor(step / stepsPerEpoch)).slice(first, first + batch);
  }

  function partOf(step: number, microBatch: number, microBatches: number): Uint32Array {
    if (batch % microBatches !== 0) {
      throw new DataOptionError('microBatches', microBatches, `the batch of ${batch} must be a multiple of it`);
    }
    if (!Number.isInteger(microBatch) || microBatch < 0 || microBatch >= microBatches) {
      throw new RangeError(`micro-batch ${microBatch} is outside 0 to ${microBatches - 1}`);
    }
    const size = batch / microBatches;
    return indicesFor(step).subarray(microBatch * size, (microBatch + 1) * size);
  }

  return {
    dataSet,
    batch,
    stepsPerEpoch,
    indicesFor,
    labelsFor: (step, microBatch = 0, microBatches = 1) => labelsOf(dataSet, partOf(step, microBatch, microBatches)),
    read(step, microBatch = 0, microBatches = 1) {
      const indices = partOf(step, microBatch, microBatches);
      const images = new Float32Array(indices.length * sampleLength(dataSet.inputShape));
      dataSet.read(indices, images);
      if (augmentation !== undefined) augmentAll(images, dataSet, indices, augmentation, [seed, step]);
      return { images, labels: labelsOf(dataSet, indices) };
    },
  };
}

/** All samples once in their order, at most `batch` at a time: for measuring accuracy. */
export function* orderedBatches(dataSet: DataSet, batch: number): Generator<MicroBatch> {
  for (let first = 0; first < dataSet.count; first += batch) {
    const size = Math.min(batch, dataSet.count - first);
    const indices = Uint32Array.from({ length: size }, (_, i) => first + i);
    const images = new Float32Array(size * sampleLength(dataSet.inputShape));
    dataSet.read(indices, images);
    yield { images, labels: labelsOf(dataSet, indices) };
  }
}

function checkOptions(dataSet: DataSet, batch: number, augmentation: Augmentation | undefined): void {
  if (!Number.isInteger(batch) || batch < 1) throw new DataOptionError('batch', batch, 'give a whole number above 0');
  if (dataSet.count < batch) throw new TooFewSamplesError(dataSet.name, dataSet.count, batch);
  if (augmentation === undefined) return;
  if (!Number.isInteger(augmentation.padding) || augmentation.padding < 0) {
    throw new DataOptionError('augment.padding', augmentation.padding, 'give a whole number from 0 on');
  }
  if (dataSet.inputShape.length !== 3) {
    const shape = dataSet.inputShape.join(', ');
    throw new DataOptionError('augment', augmentation, `${dataSet.name} holds samples of [${shape}], not images`);
  }
}

function labelsOf(dataSet: DataSet, indices: Uint32Array): Int32Array {
  return Int32Array.from(indices, (index) => dataSet.labels[index]!);
}

/** Augments each image by what (seed, step, sample) draws: independent of how the batch is divided. */
function augmentAll(
  images: Float32Array,
  { inputShape }: DataSet,
  indices: Uint32Array,
  augmentation: Augmentation,
  [seed, step]: readonly [seed: number, step: number],
): void {
  const shape = [inputShape[0]!, inputShape[1]!, inputShape[2]!] as const;
  const source = new Float32Array(sampleLength(shape));
  for (const [i, index] of indices.entries()) {
    const image = images.subarray(i * source.length, (i + 1) * source.length);
    source.set(image);
    const draw = drawAugmentation(augmentation, randomStream(seed, 'augmentation', step, index));
    augment(source, image, shape, draw);
  }
}
