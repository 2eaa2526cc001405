import { join } from 'node:path';
import type { RawSplit, Split } from './data_set.ts';
import { CorruptDataError, DataDirectoryError, LabelOutOfRangeError } from './errors.ts';
import type { Listing } from './files.ts';
import type { DataFormat } from './format.ts';
import { type IdxArray, readIdx } from './idx_file.ts';
import { createImageStore } from './image_store.ts';

/*
 * The MNIST family (MNIST, Fashion-MNIST, KMNIST, EMNIST): a file of images and a file of labels for each split.
 * Images have three dimensions [count, height, width], or four [count, channels, height, width].
 */
const PREFIX = { train: 'train', test: '(?:t10k|test)' } satisfies Record<Split, string>;
const CHANNELS = [1, 3];

/** Names such as 'train-images-idx3-ubyte', with '.gz', with '.' instead of '-', or with the family's name before it. */
function filePattern(split: Split, kind: 'images' | 'labels'): RegExp {
  return new RegExp(`^(?:.*-)?${PREFIX[split]}-${kind}[-.]idx[134]-ubyte(?:\\.gz)?$`);
}

export const idx: DataFormat = {
  name: 'IDX',
  layout: 'IDX as of MNIST (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-…; plain or .gz)',
  testSplit: 'it needs t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte',

  recognises: ({ files }) =>
    files.some((file) => filePattern('train', 'images').test(file) || filePattern('test', 'images').test(file)),

  async read(listing, split, { signal }) {
    const imagesFile = findFile(listing, split, 'images');
    if (imagesFile === null) return null;
    const images = await readIdx(imagesFile, [3, 4], signal);
    const labels = await readLabels(listing, split, signal);
    const trainLabels = split === 'train' ? labels : await readLabels(listing, 'train', signal);
    return combine(images, labels, classesOf(trainLabels));
  },
};

/** The one file of this kind; a plain file wins over its packed copy. Throws DataDirectoryError when there are several. */
function findFile({ path, files }: Listing, split: Split, kind: 'images' | 'labels'): string | null {
  const found = files.filter((file) => filePattern(split, kind).test(file));
  const different = found.filter((file) => !(file.endsWith('.gz') && found.includes(file.slice(0, -'.gz'.length))));
  if (different.length > 1) {
    throw new DataDirectoryError(
      path,
      `holds several data sets (${different.join(', ')}): keep each in its own directory`,
    );
  }
  return different[0] === undefined ? null : join(path, different[0]);
}

async function readLabels(listing: Listing, split: Split, signal: AbortSignal | undefined): Promise<IdxArray> {
  const file = findFile(listing, split, 'labels');
  if (file === null) {
    const expected = `${split === 'train' ? 'train' : 't10k'}-labels-idx1-ubyte`;
    throw new DataDirectoryError(listing.path, `has IDX images but no labels: add the file ${expected}`);
  }
  return readIdx(file, [1], signal);
}

/** IDX names no classes: they are the numbers up to the largest label of the training split. */
function classesOf(labels: IdxArray): readonly string[] {
  const largest = labels.values.reduce((most, label) => Math.max(most, label), 0);
  return Array.from({ length: largest + 1 }, (_, label) => String(label));
}

function combine(images: IdxArray, labels: IdxArray, classes: readonly string[]): RawSplit {
  const count = images.shape[0]!;
  const [channels, height, width] = images.shape.length === 3 ? [1, ...images.shape.slice(1)] : images.shape.slice(1);
  if (channels === undefined || height === undefined || width === undefined)
    throw new TypeError('an image has no plane');
  if (!CHANNELS.includes(channels) || height === 0 || width === 0) {
    throw new CorruptDataError(
      images.file,
      `has images of ${channels}×${height}×${width}: 1 or 3 channels are possible`,
    );
  }
  if (labels.values.length !== count) {
    throw new CorruptDataError(
      labels.file,
      `has ${labels.values.length} labels, but '${images.file}' has ${count} images`,
    );
  }
  const wrong = labels.values.findIndex((label) => label >= classes.length);
  if (wrong !== -1) throw new LabelOutOfRangeError(labels.file, 'record', wrong, labels.values[wrong]!, classes);
  const samples = createImageStore(images.values, channels, height * width);
  return { inputShape: [channels, height, width], classes, labels: labels.values, samples };
}
