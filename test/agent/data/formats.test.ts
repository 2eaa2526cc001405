/** What the values of each format mean: where a byte or number of a file ends up. */

import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import sharp from 'sharp';
import { encodePng, openDataSet, sampleLength } from '../../../agent/data/index.ts';
import { cifarRecords, idxFile, temporaryDirectory, writeImage } from './fixtures.ts';

/** Bytes as they are: mean 0, and std such that 255 stays 255. */
const AS_BYTES = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };
const AS_GREY_BYTES = { mean: [0], std: [1 / 255] };

async function bytesOf(data: string, index: number, normalization = AS_BYTES, imageSize = 32): Promise<number[]> {
  const dataSet = await openDataSet(data, { split: 'train', normalization, imageSize });
  const values = new Float32Array(sampleLength(dataSet.inputShape));
  dataSet.read([index], values);
  return [...values].map(Math.round);
}

test('CIFAR-10 keeps the order of its files, records and planes', async (t) => {
  const directory = await temporaryDirectory(t);
  const records = cifarRecords([7, 2, 5]);
  await writeFile(join(directory, 'data_batch_1.bin'), records.subarray(0, 2 * 3073));
  await writeFile(join(directory, 'data_batch_2.bin'), records.subarray(2 * 3073));
  const dataSet = await openDataSet(directory, { split: 'train' });
  t.deepEqual([...dataSet.labels], [7, 2, 5]);
  t.is(dataSet.classes[7], 'horse');
  t.deepEqual(await bytesOf(directory, 2), [...records.subarray(2 * 3073 + 1)]);
});

test('IDX images keep their bytes, and classes are numbers up to the largest label', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(
    join(directory, 'train-images.idx3-ubyte'),
    idxFile(
      [2, 2, 3],
      Uint8Array.from({ length: 12 }, (_, i) => i),
    ),
  );
  await writeFile(join(directory, 'train-labels.idx1-ubyte'), idxFile([2], Uint8Array.of(3, 1)));
  const dataSet = await openDataSet(directory, { split: 'train' });
  t.deepEqual(dataSet.inputShape, [1, 2, 3]);
  t.deepEqual(dataSet.classes, ['0', '1', '2', '3']);
  t.deepEqual([...dataSet.labels], [3, 1]);
  t.deepEqual(await bytesOf(directory, 1, AS_GREY_BYTES), [6, 7, 8, 9, 10, 11]);
});

/** A folder of one class that holds what `write` puts there. */
async function imageFolder(t: ExecutionContext, write: (path: string) => Promise<unknown>): Promise<string> {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'train', 'only'), { recursive: true });
  await write(join(directory, 'train', 'only'));
  return directory;
}

test('an image of the right size keeps its pixels, as planes of red, green and blue', async (t) => {
  const pixels = Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => (i * 7) % 256);
  const directory = await imageFolder(t, async (path) =>
    writeFile(join(path, 'a.png'), await encodePng(pixels, 32, 32)),
  );
  t.deepEqual(await bytesOf(directory, 0), [...pixels]);
});

test('images of every kind become RGB of the size that is asked for', async (t) => {
  const grey = { create: { width: 20, height: 30, channels: 3, background: '#808080' } } as const;
  const directory = await imageFolder(t, async (path) => {
    await sharp(grey).toColourspace('b-w').png().toFile(join(path, 'a-grey.png'));
    await sharp(grey).toColourspace('grey16').png().toFile(join(path, 'b-grey16.png'));
    await sharp(grey).toColourspace('rgb16').png().toFile(join(path, 'c-rgb16.png'));
    await sharp(grey).png({ palette: true }).toFile(join(path, 'd-palette.png'));
    await sharp(grey).jpeg().toFile(join(path, 'e.JPEG'));
    await sharp(grey).toColourspace('cmyk').jpeg().toFile(join(path, 'f-cmyk.jpg'));
    await sharp({ create: { ...grey.create, channels: 4, background: '#ffffff80' } })
      .png()
      .toFile(join(path, 'g-alpha.png'));
  });
  for (let i = 0; i < 7; i++) {
    const values = await bytesOf(directory, i, AS_BYTES, 16);
    t.is(values.length, 3 * 16 * 16);
    t.true(
      values.every((value) => Math.abs(value - 128) <= 15),
      `image ${i}: ${values.slice(0, 3)}`,
    );
  }
});

test('an image is turned as its EXIF says', async (t) => {
  const directory = await imageFolder(t, async (path) => {
    const left = await sharp({ create: { width: 16, height: 32, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const image = sharp({ create: { width: 32, height: 32, channels: 3, background: 'black' } });
    await image
      .composite([{ input: left, left: 0, top: 0 }])
      .withMetadata({ orientation: 6 })
      .png()
      .toFile(join(path, 'a.png'));
  });
  const values = await bytesOf(directory, 0);
  t.is(values[16], 255, 'turned clockwise, the left half is at the top');
  t.is(values[31 * 32 + 16], 0);
});

test('files that are no images, and hidden ones, are passed over', async (t) => {
  const directory = await imageFolder(t, async (path) => {
    await writeImage(join(path, 'a.png'), 200);
    await writeFile(join(path, 'notes.txt'), 'x');
    await writeFile(join(path, '.hidden.png'), 'x');
  });
  t.is((await openDataSet(directory, { split: 'train' })).count, 1);
});

test('classes that are links to directories elsewhere are found', async (t) => {
  const elsewhere = await imageFolder(t, (path) => writeImage(join(path, 'a.png'), 200));
  const directory = await temporaryDirectory(t);
  await symlink(join(elsewhere, 'train', 'only'), join(directory, 'linked'));
  const dataSet = await openDataSet(directory, { split: 'train' });
  t.deepEqual(dataSet.classes, ['linked']);
  t.is(dataSet.count, 1);
});

test('CSV windows have one label each and are laid out channel after channel', async (t) => {
  const directory = await temporaryDirectory(t);
  const labels = ['a', 'a', 'a', 'a', 'a', 'b', 'b', 'b', 'b'];
  const rows = labels.map((label, i) => `${label},${i},${10 * i}`);
  await writeFile(join(directory, 'train.csv'), `\uFEFFlabel,x,y\r\n${rows.join('\r\n')}\r\n\r\n`);
  await writeFile(join(directory, 'dataset.json'), '{ "window": 3, "stride": 2, "classes": ["b", "a"] }');
  const normalization = { mean: [0, 0], std: [1, 1] };
  const dataSet = await openDataSet(directory, { split: 'train', normalization });
  t.deepEqual(dataSet.inputShape, [2, 3]);
  t.deepEqual([...dataSet.labels], [1, 1, 0], 'rows 0-2 and 2-4 are a, 4-6 is across, 6-8 is b');
  const values = new Float32Array(3 * 6);
  dataSet.read([0, 1, 2], values);
  t.deepEqual([...values], [0, 1, 2, 0, 10, 20, 2, 3, 4, 20, 30, 40, 6, 7, 8, 60, 70, 80]);
});

test('labels of CSV files that are numbers are ordered as numbers', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'train.csv'), 'label,x\n10,1\n9,2\n100,3\n');
  await writeFile(join(directory, 'dataset.yaml'), 'window: 1');
  t.deepEqual((await openDataSet(directory, { split: 'train' })).classes, ['9', '10', '100']);
});

test('without dataset.yaml a window is 128 rows, one every 64', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'train.csv'), `label,x\n${'1,0.5\n'.repeat(256)}`);
  const dataSet = await openDataSet(directory, { split: 'train' });
  t.deepEqual(dataSet.inputShape, [1, 128]);
  t.is(dataSet.count, 3);
});

test('shapes has all classes equally often and is what it has always been', async (t) => {
  const dataSet = await openDataSet('shapes', { split: 'test', normalization: AS_BYTES });
  const counts = new Uint32Array(10);
  for (const label of dataSet.labels) counts[label]!++;
  t.deepEqual([...counts], Array(10).fill(100));
  t.is(dataSet.classes[5], 'star');
  const values = new Float32Array(dataSet.count * 3072);
  dataSet.read(
    Uint32Array.from(dataSet.labels, (_, i) => i),
    values,
  );
  const digest = createHash('sha256').update(Uint8Array.from(values, Math.round)).digest('hex');
  t.is(digest, '985bafabe6d2cd0907dc56da988fcefa3b4e4a7e54e314679663cf864f87e27d');
});

test('the training and test images of shapes are different', async (t) => {
  const digests = new Set<string>();
  for (const split of ['train', 'test'] as const) {
    const dataSet = await openDataSet('shapes', { split, limit: 500, normalization: AS_BYTES });
    const image = new Float32Array(3072);
    for (let i = 0; i < dataSet.count; i++) {
      dataSet.read([i], image);
      digests.add(createHash('sha256').update(image).digest('hex'));
    }
  }
  t.is(digests.size, 1000);
});
