import test from 'ava';
import { batchSource, type DataSet, FLIP_AND_CROP, openDataSet, orderedBatches } from '../../../agent/data/index.ts';

/** `count` samples of one plane; every value of sample i is i + 1, and so is its label, modulo 10. */
function counting(count: number, inputShape: readonly number[] = [1, 4, 4]): DataSet {
  const length = inputShape.reduce((product, extent) => product * extent, 1);
  return {
    name: 'counting (train)',
    inputShape,
    classes: Array.from({ length: 10 }, (_, i) => String(i)),
    count,
    labels: Int32Array.from({ length: count }, (_, i) => (i + 1) % 10),
    normalization: { mean: [0], std: [1] },
    read(indices, into) {
      for (let i = 0; i < indices.length; i++) into.fill(indices[i]! + 1, i * length, (i + 1) * length);
    },
  };
}

const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

test('the batches of a step are those they have always been', (t) => {
  const source = batchSource({ dataSet: counting(20), batch: 5, seed: 7 });
  t.deepEqual(
    [0, 3, 4].map((step) => [...source.indicesFor(step)]),
    [
      [3, 11, 5, 10, 18],
      [19, 17, 1, 12, 8],
      [7, 12, 11, 10, 13],
    ],
  );
});

test('an epoch takes every sample once, in an order of its own', (t) => {
  const source = batchSource({ dataSet: counting(24), batch: 8, seed: 1 });
  t.is(source.stepsPerEpoch, 3);
  const epoch = (first: number) => [0, 1, 2].flatMap((step) => [...source.indicesFor(first + step)]);
  t.deepEqual(sorted(epoch(0)), upTo(24));
  t.deepEqual(sorted(epoch(3)), upTo(24));
  t.notDeepEqual(epoch(0), epoch(3));
});

test('the last incomplete batch of an epoch is dropped', (t) => {
  const source = batchSource({ dataSet: counting(26), batch: 8, seed: 1 });
  t.is(source.stepsPerEpoch, 3);
  const seen = new Set([0, 1, 2].flatMap((step) => [...source.indicesFor(step)]));
  t.is(seen.size, 24);
});

test('a step is the same whichever steps were asked for before, and another seed is another order', (t) => {
  const options = { dataSet: counting(40), batch: 8 };
  const [ahead, direct] = [batchSource({ ...options, seed: 1 }), batchSource({ ...options, seed: 1 })];
  for (const step of [0, 9, 3, 22]) ahead.read(step);
  t.deepEqual(ahead.read(7), direct.read(7));
  t.notDeepEqual(batchSource({ ...options, seed: 2 }).indicesFor(7), direct.indicesFor(7));
});

test('micro-batches laid together are the batch', (t) => {
  const augment = FLIP_AND_CROP;
  const source = batchSource({ dataSet: counting(40, [3, 8, 8]), batch: 8, seed: 1, augment });
  const whole = source.read(6);
  const parts = upTo(4).map((microBatch) => source.read(6, microBatch, 4));
  t.deepEqual(
    parts.flatMap(({ images }) => [...images]),
    [...whole.images],
  );
  t.deepEqual(
    parts.flatMap(({ labels }) => [...labels]),
    [...whole.labels],
  );
  t.deepEqual(
    upTo(4).flatMap((microBatch) => [...source.labelsFor(6, microBatch, 4)]),
    [...whole.labels],
  );
});

test('labels stay with their images', (t) => {
  const { images, labels } = batchSource({ dataSet: counting(40), batch: 8, seed: 1 }).read(2);
  t.deepEqual(
    [...labels],
    upTo(8).map((i) => images[i * 16]! % 10),
  );
});

test('augmentation varies with the step and is the same when replayed', async (t) => {
  const dataSet = await openDataSet('shapes', { split: 'test', limit: 16 });
  const options = { dataSet, batch: 16, seed: 1 };
  const [plain, source] = [batchSource(options), batchSource({ ...options, augment: FLIP_AND_CROP })];
  t.deepEqual(source.read(3), batchSource({ ...options, augment: FLIP_AND_CROP }).read(3));
  t.notDeepEqual(source.read(3).images, plain.read(3).images);
  const sampleAt = (step: number) => {
    const place = source.indicesFor(step).indexOf(0);
    return source.read(step).images.slice(place * 3072, (place + 1) * 3072);
  };
  t.notDeepEqual(sampleAt(0), sampleAt(1));
});

test('fewer samples than one batch, and options that cannot be, are refused', (t) => {
  const dataSet = counting(7);
  const refuse = (run: () => unknown, code: string, message: RegExp) => t.throws(run, { code, message });
  refuse(
    () => batchSource({ dataSet, batch: 8, seed: 1 }),
    'DATA_TOO_FEW_SAMPLES',
    /has 7 samples, fewer than one batch of 8/,
  );
  refuse(() => batchSource({ dataSet, batch: 0, seed: 1 }), 'DATA_OPTION', /batch is 0/);
  refuse(
    () => batchSource({ dataSet, batch: 6, seed: 1 }).read(0, 0, 4),
    'DATA_OPTION',
    /microBatches is 4: the batch of 6/,
  );
  refuse(() => batchSource({ dataSet, batch: 6, seed: 1 }).read(0, 0, 0), 'DATA_OPTION', /microBatches is 0/);
  const windows = counting(20, [9, 128]);
  refuse(
    () => batchSource({ dataSet: windows, batch: 6, seed: 1, augment: FLIP_AND_CROP }),
    'DATA_OPTION',
    /\[9, 128\], not images/,
  );
  const source = batchSource({ dataSet, batch: 6, seed: 1 });
  t.throws(() => source.read(-1), { instanceOf: RangeError });
  t.throws(() => source.read(0, 3, 3), { instanceOf: RangeError, message: /micro-batch 3 is outside 0 to 2/ });
});

test('ordered batches hold every sample once, the last batch being shorter', (t) => {
  const batches = [...orderedBatches(counting(10), 4)];
  t.deepEqual(
    batches.map(({ labels }) => labels.length),
    [4, 4, 2],
  );
  t.deepEqual(
    batches.flatMap(({ images }) => [...images].filter((_, i) => i % 16 === 0)),
    upTo(10).map((i) => i + 1),
  );
});
