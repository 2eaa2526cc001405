import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { DataError, openDataSet, type Split } from '../../../agent/data/index.ts';
import {
  cifarRecords,
  csvRows,
  idxFile,
  randomBytes,
  temporaryDirectory,
  turns,
  writeCifar10,
  writeCsvWindows,
  writeIdx,
  writeImageFolder,
} from './fixtures.ts';

/** Opens data that is not sound and gives the error, which is always one that ends a command with 2. */
async function refusal(t: ExecutionContext, data: string, split: Split): Promise<DataError> {
  const error = await t.throwsAsync(openDataSet(data, { split }));
  if (!(error instanceof DataError)) throw new TypeError(`not a DataError: ${error}`);
  t.is(error.exitCode, 2);
  return error;
}

async function refused(t: ExecutionContext, data: string, code: string, words: RegExp[], split: Split = 'train') {
  const error = await refusal(t, data, split);
  t.is(error.code, code, error.message);
  for (const word of words) t.regex(error.message, word);
}

test('data that does not exist is refused with its name and the names that are known', async (t) => {
  await refused(t, 'shape', 'DATA_UNKNOWN', [/'shape'/, /shapes/, /no such directory/]);
  await refused(t, '/no/such/place', 'DATA_UNKNOWN', [/'\/no\/such\/place'/]);
});

test('a file in place of a directory is refused', async (t) => {
  const file = join(await temporaryDirectory(t), 'data.bin');
  await writeFile(file, 'x');
  await refused(t, file, 'DATA_DIRECTORY', [/data\.bin' is a file: give the directory/]);
});

test('an empty directory is refused with the known formats', async (t) => {
  await refused(t, await temporaryDirectory(t), 'DATA_DIRECTORY', [
    /is empty/,
    /CIFAR-10/,
    /IDX/,
    /CSV/,
    /image folder/,
  ]);
});

test('a directory of another format is refused with what it holds and the known formats', async (t) => {
  const directory = await temporaryDirectory(t);
  for (const name of ['a.parquet', 'b.parquet', 'c.txt', 'd', 'e', 'f']) await writeFile(join(directory, name), 'x');
  await refused(t, directory, 'DATA_FORMAT_UNKNOWN', [
    /holds a\.parquet, b\.parquet, c\.txt, d, e and 1 more/,
    /CIFAR-10/,
  ]);
});

test('the Python version of CIFAR-10, an archive and a directory too high get a hint', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'data_batch_1'), 'pickle');
  await refused(t, directory, 'DATA_FORMAT_UNKNOWN', [/Python version of CIFAR-10: download the binary version/]);

  const packed = await temporaryDirectory(t);
  await writeFile(join(packed, 'cifar-10-binary.tar.gz'), 'x');
  await refused(t, packed, 'DATA_FORMAT_UNKNOWN', [/Unpack cifar-10-binary\.tar\.gz first/]);

  const high = await temporaryDirectory(t);
  await mkdir(join(high, 'mnist'));
  await writeIdx(join(high, 'mnist'));
  await refused(t, high, 'DATA_FORMAT_UNKNOWN', [/Did you mean '.*mnist' \(IDX\)\?/]);
});

test('a test split that is missing is refused with what it needs', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeCifar10(directory);
  await rm(join(directory, 'test_batch.bin'));
  await refused(t, directory, 'DATA_SPLIT_MISSING', [/no test split: it needs test_batch\.bin/], 'test');
});

test('a truncated CIFAR-10 file is refused with its name and the byte', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeCifar10(directory);
  await truncate(join(directory, 'data_batch_2.bin'), 3073 * 4 + 100);
  await refused(t, directory, 'DATA_TRUNCATED', [
    /data_batch_2\.bin' is truncated: it ends at byte 12392, inside record 4/,
  ]);
  await truncate(join(directory, 'data_batch_2.bin'), 0);
  await refused(t, directory, 'DATA_TRUNCATED', [/ends at byte 0/]);
});

test('a label of CIFAR-10 that is no class is refused with file, record and value', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeCifar10(directory);
  await writeFile(join(directory, 'data_batch_2.bin'), cifarRecords([0, 1, 10, 3]));
  await refused(t, directory, 'DATA_LABEL_OUT_OF_RANGE', [/data_batch_2\.bin', record 2: label 10 /, /10 classes/]);
});

test('the class names of CIFAR-10 come from the file beside it and bound the labels', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeCifar10(directory);
  await writeFile(
    join(directory, 'batches.meta.txt'),
    `${turns(10, 10)
      .map((i) => `kind${i}`)
      .join('\r\n')}\n\n`,
  );
  t.is((await openDataSet(directory, { split: 'test' })).classes[9], 'kind9');
  await writeFile(join(directory, 'batches.meta.txt'), 'cat\ndog\n');
  await refused(t, directory, 'DATA_LABEL_OUT_OF_RANGE', [/record 2: label 2 .* 2 classes \(cat, dog\)/]);
});

test('truncated IDX files are refused with the byte, wherever they end', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeIdx(directory);
  const images = join(directory, 'train-images-idx3-ubyte');
  await truncate(images, 5000);
  await refused(t, directory, 'DATA_TRUNCATED', [
    /train-images-idx3-ubyte.* ends at byte 5000/,
    /30×28×28 need 23536 bytes/,
  ]);
  await truncate(images, 9);
  await refused(t, directory, 'DATA_TRUNCATED', [/byte 9, inside its header of 16 bytes/]);
  await truncate(images, 2);
  await refused(t, directory, 'DATA_TRUNCATED', [/byte 2, inside the 4 bytes of its magic number/]);
});

test('a truncated or unsound gzip file is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeIdx(directory, { packed: true });
  const images = join(directory, 'train-images-idx3-ubyte.gz');
  await truncate(images, 1000);
  await refused(t, directory, 'DATA_TRUNCATED', [/ubyte\.gz' is truncated: it ends at byte 1000/]);
  await writeFile(images, 'not packed at all');
  await refused(t, directory, 'DATA_CORRUPT', [/ubyte\.gz' is not a sound gzip file/]);
});

test('an IDX file of another kind is refused with its magic number', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeIdx(directory);
  const images = join(directory, 'train-images-idx3-ubyte');
  const bytes = await readFile(images);
  bytes[2] = 0x0d; // float32
  await writeFile(images, bytes);
  await refused(t, directory, 'DATA_CORRUPT', [/0x00000d03, not 0x00000803 or 0x00000804/]);
});

test('IDX images and labels that do not belong together are refused', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeIdx(directory);
  await writeFile(join(directory, 'train-labels-idx1-ubyte'), idxFile([29], Uint8Array.from(turns(29, 10))));
  await refused(t, directory, 'DATA_CORRUPT', [/has 29 labels, but .* has 30 images/]);
  await rm(join(directory, 'train-labels-idx1-ubyte'));
  await refused(t, directory, 'DATA_DIRECTORY', [/no labels: add the file train-labels-idx1-ubyte/]);
});

test('an IDX test label that training never has is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeIdx(directory);
  const labels = turns(10, 10);
  labels[7] = 12;
  await writeFile(join(directory, 't10k-labels-idx1-ubyte'), idxFile([10], Uint8Array.from(labels)));
  await refused(t, directory, 'DATA_LABEL_OUT_OF_RANGE', [/t10k-labels.*record 7: label 12 .* 10 classes/], 'test');
});

test('two data sets in one IDX directory are refused, a packed copy beside the plain file is not', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeIdx(directory);
  await writeFile(join(directory, 'train-images-idx3-ubyte.gz'), gzipSync('ignored'));
  t.is((await openDataSet(directory, { split: 'train' })).count, 30);
  await writeFile(join(directory, 'emnist-train-images-idx3-ubyte'), 'x');
  await refused(t, directory, 'DATA_DIRECTORY', [/several data sets/, /emnist-train/]);
});

test('IDX images of two channels are refused', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'train-images-idx4-ubyte'), idxFile([2, 2, 4, 4], randomBytes(64)));
  await writeFile(join(directory, 'train-labels-idx1-ubyte'), idxFile([2], Uint8Array.of(0, 1)));
  await refused(t, directory, 'DATA_CORRUPT', [/2×4×4: 1 or 3 channels/]);
});

test('a corrupt or truncated image is refused with its name', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeImageFolder(directory);
  const png = join(directory, 'bee', '4.png');
  const whole = await readFile(png);
  await writeFile(png, whole.subarray(0, whole.length - 60));
  await refused(t, directory, 'DATA_CORRUPT', [/bee\/4\.png' cannot be decoded as an image/]);
  await writeFile(png, 'text');
  await refused(t, directory, 'DATA_CORRUPT', [
    /bee\/4\.png' cannot be decoded as an image \(.*unsupported image format/,
  ]);
});

test('a class without images and a test class without training are refused', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeImageFolder(directory, { divided: true });
  await mkdir(join(directory, 'test', 'dog'));
  await refused(
    t,
    directory,
    'DATA_DIRECTORY',
    [/test\/dog' is a class that train\/ does not have \(ant, bee, cat\)/],
    'test',
  );
  await mkdir(join(directory, 'train', 'dog'));
  await refused(t, directory, 'DATA_DIRECTORY', [/train\/dog' is a class without any \.jpg or \.png/]);
});

/** Replaces a line, counted from 1, of a CSV file. */
async function replaceLine(file: string, line: number, text: string): Promise<void> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  lines[line - 1] = text;
  await writeFile(file, lines.join('\n'));
}

test('a bad number in a CSV file is refused with line and column', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeCsvWindows(directory);
  const file = join(directory, 'train-ben.csv');
  for (const bad of ['1.2.3', '', 'NaN', 'Infinity']) {
    await replaceLine(file, 31, `sit,0,1,2,${bad},4,5,6,7,8`);
    await refused(t, directory, 'DATA_BAD_TABLE', [
      /train-ben\.csv', line 31, column 5 \('ch3'\)/,
      /is not a finite number/,
    ]);
  }
});

test('a CSV row of another width and a wrong header are refused with their line', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeCsvWindows(directory);
  const file = join(directory, 'train-anna.csv');
  await replaceLine(file, 7, 'walk,1,2');
  await refused(t, directory, 'DATA_BAD_TABLE', [/line 7: it has 3 fields, the header announces 10/]);
  await replaceLine(file, 1, 'x,y,z');
  await refused(t, directory, 'DATA_BAD_TABLE', [/line 1: the header is 'x,y,z'/]);
  await writeFile(file, '');
  await refused(t, directory, 'DATA_BAD_TABLE', [/line 1: the header is ''/]);
});

test('recordings with other channels and labels that are no class are refused', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeCsvWindows(directory);
  await replaceLine(join(directory, 'test.csv'), 20, `swim${',0'.repeat(9)}`);
  await refused(
    t,
    directory,
    'DATA_LABEL_OUT_OF_RANGE',
    [/test\.csv', line 20: label 'swim'/, /run, sit, walk/],
    'test',
  );
  await writeFile(join(directory, 'train-ben.csv'), csvRows(Array(40).fill('sit'), 6, 'six'));
  await refused(t, directory, 'DATA_CORRUPT', [/train-ben\.csv' has the columns ch0,.*but .*train-anna/]);
});

test('the settings of CSV windows are checked key by key', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeCsvWindows(directory);
  for (const [text, words] of [
    ['windw: 16', /unknown key 'windw'/],
    ['window: 0', /window: 0, which must be a whole number/],
    ['stride: half', /stride: "half"/],
    ['classes: [a, a]', /classes: \["a","a"\]/],
    ['- 3', /must be a mapping/],
    ['window: [', /not sound YAML/],
  ] as const) {
    await writeFile(join(directory, 'dataset.yaml'), text);
    await refused(t, directory, 'DATA_CORRUPT', [/dataset\.yaml'/, words]);
  }
});

test('recordings shorter than a window leave no sample, which is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeCsvWindows(directory);
  await writeFile(join(directory, 'dataset.yaml'), 'window: 1000');
  await refused(t, directory, 'DATA_SPLIT_MISSING', [/no complete sample/]);
});

test('a limit and an image size that cannot be are refused with their value', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeImageFolder(directory);
  for (const limit of [0, -3, 1.5]) {
    await t.throwsAsync(openDataSet(directory, { split: 'train', limit }), {
      code: 'DATA_OPTION',
      message: new RegExp(`limit is ${limit}`),
    });
  }
  await t.throwsAsync(openDataSet(directory, { split: 'train', imageSize: 5000 }), {
    code: 'DATA_OPTION',
    message: /5000/,
  });
});
