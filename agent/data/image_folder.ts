import { join } from 'node:path';
import { randomStream } from '../../models/index.ts';
import type { RawSplit, Split } from './data_set.ts';
import { decodeImage } from './decode_image.ts';
import { DataDirectoryError } from './errors.ts';
import { type Listing, listDirectory } from './files.ts';
import type { DataFormat, ReadOptions } from './format.ts';
import { createImageStore } from './image_store.ts';

/*
 * One directory per class, its name the class: DIR/cat/1.jpg … . Either DIR holds the classes (then a fifth of each is
 * the test split, always the same), or DIR/train and DIR/test hold them.
 */
const IMAGE_FILE = /\.(?:jpe?g|png)$/i;
const CHANNELS = 3;
const TEST_SHARE = 0.2;
const DECODES_AT_ONCE = 4; // the size of libuv's pool, in which sharp works

interface LabelledFile {
  readonly file: string;
  readonly label: number;
}

export const imageFolder: DataFormat = {
  name: 'image folder',
  layout: 'image folder (one directory per class with .jpg or .png files, or train/CLASS/ and test/CLASS/)',
  testSplit: 'it needs a directory test/ beside train/, with the same classes',

  async recognises(listing) {
    const root = listing.directories.includes('train') ? await listDirectory(join(listing.path, 'train')) : listing;
    for (const directory of root.directories) {
      const { files } = await listDirectory(join(root.path, directory));
      if (files.some((file) => IMAGE_FILE.test(file))) return true;
    }
    return false;
  },

  async read(listing, split, options) {
    const divided = listing.directories.includes('train');
    const root = divided ? await listDirectory(join(listing.path, 'train')) : listing;
    const classes = root.directories;
    if (!divided) return decodeAll(divide(await findImages(root, classes), split), classes, options);
    if (split === 'train') return decodeAll(await findImages(root, classes), classes, options);
    if (!listing.directories.includes('test')) return null;
    const testRoot = await listDirectory(join(listing.path, 'test'));
    return decodeAll(await findImages(testRoot, classes), classes, options);
  },
};

/** The image files under a directory of classes. Throws DataDirectoryError for a class without images or without number. */
async function findImages(root: Listing, classes: readonly string[]): Promise<LabelledFile[]> {
  const found: LabelledFile[] = [];
  for (const directory of root.directories) {
    const label = classes.indexOf(directory);
    const path = join(root.path, directory);
    if (label === -1) {
      throw new DataDirectoryError(
        path,
        `is a class that train/ does not have (${classes.join(', ')}): rename or remove it`,
      );
    }
    const files = (await listDirectory(path)).files.filter((file) => IMAGE_FILE.test(file));
    if (files.length === 0) {
      throw new DataDirectoryError(path, 'is a class without any .jpg or .png file: add images or remove it');
    }
    for (const file of files) found.push({ file: join(path, file), label });
  }
  return found;
}

/** A fixed fifth of every class is the test split; a class of one image has it in training only. */
function divide(files: readonly LabelledFile[], split: Split): LabelledFile[] {
  const byClass = Map.groupBy(files, ({ label }) => label);
  return [...byClass].flatMap(([label, members]) => {
    const order = [...randomStream(0, 'image folder split', label).permutation(members.length)];
    const tests = new Set(order.slice(0, Math.floor(members.length * TEST_SHARE)));
    return members.filter((_, i) => tests.has(i) === (split === 'test'));
  });
}

async function decodeAll(
  files: readonly LabelledFile[],
  classes: readonly string[],
  { imageSize, signal }: ReadOptions,
): Promise<RawSplit> {
  const imageLength = CHANNELS * imageSize * imageSize;
  const pixels = new Uint8Array(files.length * imageLength);
  let next = 0;
  const decodeRemaining = async () => {
    try {
      for (let i = next++; i < files.length; i = next++) {
        signal?.throwIfAborted();
        pixels.set(await decodeImage(files[i]!.file, imageSize), i * imageLength);
      }
    } finally {
      next = files.length; // whoever fails stops the others
    }
  };
  await Promise.all(Array.from({ length: DECODES_AT_ONCE }, decodeRemaining));
  return {
    inputShape: [CHANNELS, imageSize, imageSize],
    classes,
    labels: Int32Array.from(files, ({ label }) => label),
    samples: createImageStore(pixels, CHANNELS, imageSize * imageSize),
  };
}
