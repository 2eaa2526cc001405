/**
 * What every data set must do, held against each format; CIFAR-10 also on real images where they are present.
 * One after the other, so that not all data is in memory at once.
 */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import {
  batchSource,
  type DataSet,
  type OpenDataSetOptions,
  openDataSet,
  openTrainAndTest,
  sampleLength,
} from '../../../agent/data/index.ts';
import { temporaryDirectory, writeCifar10, writeCsvWindows, writeIdx, writeImageFolder } from './fixtures.ts';

interface Subject {
  readonly inputShape: readonly number[];
  readonly classes: number;
  readonly train: number;
  readonly test: number;
  /** Prepares the data and tells where it is; null where it is not at hand. */
  prepare(t: ExecutionContext): Promise<string | null>;
}

function inDirectory(write: (directory: string) => Promise<void>): Subject['prepare'] {
  return async (t) => {
    const directory = await temporaryDirectory(t);
    await write(directory);
    return directory;
  };
}

const REAL_CIFAR10 = fileURLToPath(new URL('../../../../shared/data/cifar10', import.meta.url));

const SUBJECTS: Record<string, Subject> = {
  'CIFAR-10': { inputShape: [3, 32, 32], classes: 10, train: 30, test: 10, prepare: inDirectory(writeCifar10) },
  'real CIFAR-10': {
    inputShape: [3, 32, 32],
    classes: 10,
    train: 10_000,
    test: 2000,
    prepare: async (t) => {
      if (existsSync(REAL_CIFAR10)) return REAL_CIFAR10;
      t.log(`skipped: ${REAL_CIFAR10} is not on this machine`);
      return null;
    },
  },
  IDX: { inputShape: [1, 28, 28], classes: 10, train: 30, test: 10, prepare: inDirectory(writeIdx) },
  'IDX packed by gzip': {
    inputShape: [1, 28, 28],
    classes: 10,
    train: 30,
    test: 10,
    prepare: inDirectory((directory) => writeIdx(directory, { packed: true })),
  },
  'IDX in colour': {
    inputShape: [3, 28, 28],
    classes: 10,
    train: 30,
    test: 10,
    prepare: inDirectory((directory) => writeIdx(directory, { channels: 3 })),
  },
  'image folder': { inputShape: [3, 32, 32], classes: 3, train: 24, test: 6, prepare: inDirectory(writeImageFolder) },
  'image folder divided into train and test': {
    inputShape: [3, 32, 32],
    classes: 3,
    train: 30,
    test: 30,
    prepare: inDirectory((directory) => writeImageFolder(directory, { divided: true })),
  },
  'CSV windows': { inputShape: [9, 16], classes: 3, train: 24, test: 6, prepare: inDirectory(writeCsvWindows) },
  shapes: { inputShape: [3, 32, 32], classes: 10, train: 5000, test: 1000, prepare: async () => 'shapes' },
};

function readAll(dataSet: DataSet, indices: ArrayLike<number> = Uint32Array.from(dataSet.labels, (_, i) => i)) {
  const values = new Float32Array(indices.length * sampleLength(dataSet.inputShape));
  dataSet.read(indices, values);
  return values;
}

/** Mean and standard deviation of each channel over samples of [channels, …]. */
function channelMoments(values: Float32Array, inputShape: readonly number[]): { mean: number; std: number }[] {
  const channels = inputShape[0]!;
  const planeLength = sampleLength(inputShape) / channels;
  return Array.from({ length: channels }, (_, c) => {
    let [sum, squares, count] = [0, 0, 0];
    for (let start = c * planeLength; start < values.length; start += channels * planeLength) {
      for (const value of values.subarray(start, start + planeLength)) {
        sum += value;
        squares += value * value;
        count += 1;
      }
    }
    return { mean: sum / count, std: Math.sqrt(squares / count - (sum / count) ** 2) };
  });
}

for (const [format, subject] of Object.entries(SUBJECTS)) {
  const subjectTest = (title: string, check: (t: ExecutionContext, data: string) => Promise<void>) =>
    test.serial(`${format}: ${title}`, async (t) => {
      const data = await subject.prepare(t);
      if (data === null) t.pass();
      else await check(t, data);
    });
  const open = (data: string, options: Partial<OpenDataSetOptions> = {}) =>
    openDataSet(data, { split: 'train', ...options });

  subjectTest('both splits have their shape, classes and counts', async (t, data) => {
    for (const split of ['train', 'test'] as const) {
      const dataSet = await open(data, { split });
      t.deepEqual(dataSet.inputShape, subject.inputShape);
      t.is(dataSet.classes.length, subject.classes);
      t.is(new Set(dataSet.classes).size, subject.classes);
      t.is(dataSet.count, subject[split]);
      t.is(dataSet.labels.length, subject[split]);
      t.true(dataSet.labels.every((label) => label >= 0 && label < subject.classes));
      t.is(new Set(dataSet.labels).size >= Math.min(2, subject.classes), true);
    }
  });

  subjectTest('the training split is normalised to mean 0 and deviation 1', async (t, data) => {
    const dataSet = await open(data);
    for (const { mean, std } of channelMoments(readAll(dataSet), dataSet.inputShape)) {
      t.true(Math.abs(mean) < 1e-3, `mean ${mean}`);
      t.true(Math.abs(std - 1) < 1e-3 || std === 0, `std ${std}`);
    }
  });

  subjectTest('opened again it gives the same samples', async (t, data) => {
    const [first, second] = [await open(data), await open(data)];
    const some = Uint32Array.from({ length: 20 }, (_, i) => (i * 7) % first.count);
    t.deepEqual(first.labels, second.labels);
    t.deepEqual(first.normalization, second.normalization);
    t.deepEqual(readAll(first, some), readAll(second, some));
  });

  subjectTest('a sample is the same whichever others are read with it', async (t, data) => {
    const dataSet = await open(data);
    const together = readAll(dataSet, [3, 0, 3]);
    const apart = [3, 0, 3].flatMap((index) => [...readAll(dataSet, [index])]);
    t.deepEqual([...together], apart);
    t.notDeepEqual(readAll(dataSet, [0]), readAll(dataSet, [3]));
  });

  subjectTest('the test split is normalised as the training split', async (t, data) => {
    const [train, alone] = [await open(data), await open(data, { split: 'test' })];
    t.deepEqual(alone.normalization, train.normalization);
    const both = await openTrainAndTest(data, { limit: { test: 4 } });
    t.deepEqual(both.train.labels, train.labels);
    t.is(both.test?.count, 4);
    t.deepEqual(both.test?.normalization, train.normalization);
  });

  subjectTest('a given normalisation is used instead of the measured one', async (t, data) => {
    const measured = await open(data);
    const channels = subject.inputShape[0]!;
    const normalization = { mean: Array<number>(channels).fill(0.25), std: Array<number>(channels).fill(2) };
    const given = await open(data, { normalization });
    t.deepEqual(given.normalization, normalization);
    const [expected, found] = [readAll(measured, [1])[0]!, readAll(given, [1])[0]!];
    const raw = expected * measured.normalization.std[0]! + measured.normalization.mean[0]!;
    t.true(Math.abs(found - (raw - 0.25) / 2) < 1e-5);
    const wrong = { mean: [0], std: [0] };
    await t.throwsAsync(open(data, { normalization: wrong }), { code: 'DATA_OPTION', message: /\d channels/ });
  });

  subjectTest('a limit takes always the same samples, of several classes', async (t, data) => {
    const [whole, limited, again] = [await open(data), await open(data, { limit: 6 }), await open(data, { limit: 6 })];
    t.is(limited.count, 6);
    t.deepEqual(limited.labels, again.labels);
    t.deepEqual(readAll(limited), readAll(again));
    t.true(new Set(limited.labels).size > 1);
    t.deepEqual(limited.normalization, whole.normalization);
    t.is((await open(data, { limit: 1_000_000 })).count, whole.count);
  });

  subjectTest('a wrong index and a short array are refused', async (t, data) => {
    const dataSet = await open(data);
    const into = new Float32Array(sampleLength(dataSet.inputShape));
    t.throws(() => dataSet.read([dataSet.count], into), { instanceOf: RangeError, message: /is outside 0 to/ });
    t.throws(() => dataSet.read([-1], into), { instanceOf: RangeError });
    t.throws(() => dataSet.read([0.5], into), { instanceOf: RangeError });
    t.throws(() => dataSet.read([0, 1], into), { instanceOf: RangeError, message: /do not fit/ });
  });

  subjectTest('opening stops when it is aborted', async (t, data) => {
    const reason = new Error('stopped by the test');
    await t.throwsAsync(open(data, { signal: AbortSignal.abort(reason) }), { is: reason });
    const controller = new AbortController();
    const opening = open(data, { signal: controller.signal });
    controller.abort(reason);
    await t.throwsAsync(opening, { is: reason });
  });

  subjectTest('batches of it hold its samples and labels', async (t, data) => {
    const dataSet = await open(data, { limit: 20 });
    const source = batchSource({ dataSet, batch: 8, seed: 3 });
    const { images, labels } = source.read(1);
    const indices = source.indicesFor(1);
    t.deepEqual(images, readAll(dataSet, indices));
    t.deepEqual(
      [...labels],
      [...indices].map((index) => dataSet.labels[index]!),
    );
  });
}
