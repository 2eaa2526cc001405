import { join } from 'node:path';
import type { RawSplit, Split } from './data_set.ts';
import { LabelOutOfRangeError, TruncatedDataError } from './errors.ts';
import { type Listing, readBytes } from './files.ts';
import type { DataFormat } from './format.ts';
import { createImageStore } from './image_store.ts';

/*
 * CIFAR-10, binary version (https://www.cs.toronto.edu/~kriz/cifar.html). A file is a sequence of records:
 * 1 byte label, 1024 bytes red, 1024 green, 1024 blue, each plane row by row.
 */
const SIZE = 32;
const CHANNELS = 3;
const PLANE_LENGTH = SIZE * SIZE;
const IMAGE_LENGTH = CHANNELS * PLANE_LENGTH;
const RECORD_LENGTH = 1 + IMAGE_LENGTH;

const FILES = { train: /^data_batch_\d+\.bin$/, test: /^test_batch\.bin$/ } satisfies Record<Split, RegExp>;
const CLASS_FILE = 'batches.meta.txt';
const CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

export const cifar10: DataFormat = {
  name: 'CIFAR-10',
  layout: 'CIFAR-10 binary version (data_batch_1.bin …, test_batch.bin)',
  testSplit: 'it needs test_batch.bin',

  recognises: ({ files }) => files.some((file) => FILES.train.test(file) || FILES.test.test(file)),

  async read(listing, split, { signal }) {
    const names = listing.files.filter((file) => FILES[split].test(file));
    if (names.length === 0) return null;
    const classes = await readClasses(listing, signal);
    const batches: RecordFile[] = [];
    for (const name of names) batches.push(await readRecords(join(listing.path, name), signal));
    return unpack(batches, classes);
  },
};

interface RecordFile {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly count: number;
}

async function readClasses({ path, files }: Listing, signal: AbortSignal | undefined): Promise<readonly string[]> {
  if (!files.includes(CLASS_FILE)) return CLASSES;
  const names = (await readBytes(join(path, CLASS_FILE), signal)).toString('utf8').split(/\r?\n/);
  const given = names.map((name) => name.trim()).filter((name) => name !== '');
  return given.length === 0 ? CLASSES : given;
}

async function readRecords(file: string, signal: AbortSignal | undefined): Promise<RecordFile> {
  const bytes = await readBytes(file, signal);
  const count = Math.floor(bytes.length / RECORD_LENGTH);
  if (bytes.length === 0 || bytes.length % RECORD_LENGTH !== 0) {
    const problem = `inside record ${count}, which needs bytes ${count * RECORD_LENGTH} to ${(count + 1) * RECORD_LENGTH - 1}`;
    throw new TruncatedDataError(file, bytes.length, problem);
  }
  return { file, bytes, count };
}

/** Separates labels from images. Throws LabelOutOfRangeError. */
function unpack(batches: readonly RecordFile[], classes: readonly string[]): RawSplit {
  const total = batches.reduce((sum, { count }) => sum + count, 0);
  const labels = new Uint8Array(total);
  const pixels = new Uint8Array(total * IMAGE_LENGTH);
  let index = 0;
  for (const { file, bytes, count } of batches) {
    for (let record = 0; record < count; record++, index++) {
      const start = record * RECORD_LENGTH;
      const label = bytes[start]!;
      if (label >= classes.length) throw new LabelOutOfRangeError(file, 'record', record, label, classes);
      labels[index] = label;
      pixels.set(bytes.subarray(start + 1, start + RECORD_LENGTH), index * IMAGE_LENGTH);
    }
  }
  const samples = createImageStore(pixels, CHANNELS, PLANE_LENGTH);
  return { inputShape: [CHANNELS, SIZE, SIZE], classes, labels, samples };
}
