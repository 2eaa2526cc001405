import { createDataSet, type DataSet, type RawSplit, type Split } from './data_set.ts';
import { DataOptionError, SplitMissingError } from './errors.ts';
import { checkNormalization, chooseSamples, measureNormalization, type Normalization } from './normalization.ts';
import { recogniseFormat } from './recognise.ts';
import { generateShapes, SHAPE_COUNTS } from './shapes.ts';

/** The data set used where no data is given. */
export const DEFAULT_DATA = 'shapes';

const DEFAULT_IMAGE_SIZE = 32;
const LARGEST_IMAGE_SIZE = 1024;

export interface OpenDataSetOptions {
  readonly split: Split;
  readonly signal?: AbortSignal;
  /** At most so many samples, drawn evenly but always the same ones. */
  readonly limit?: number;
  /** What a model was trained with; measured on the training split when not given. */
  readonly normalization?: Normalization;
  /** Height and width to which the images of an image folder are brought; 32 when not given. */
  readonly imageSize?: number;
}

/** What is opened: one split after the other, read from the outside world. */
interface Source {
  readonly name: string;
  /** What it takes to have a test split. */
  readonly testSplit: string;
  read(split: Split): Promise<RawSplit | null>;
}

/**
 * Opens a split of a generated data set by its name ('shapes') or of a directory, whose format is recognised.
 *
 * Throws a DataError that says what is wrong and what to do: unknown name, directory missing, empty or of another
 * format, file truncated or corrupt, label out of range, split missing; or the signal's reason when aborted.
 */
export async function openDataSet(pathOrName: string, options: OpenDataSetOptions): Promise<DataSet> {
  const source = await findSource(pathOrName, options);
  const split = await readSplit(source, options.split);
  const normalization = options.normalization ?? (await trainingNormalization(source, options.split, split));
  return finish(source, options, split, normalization);
}

/** Opens both splits, reading the training data once; `test` is null where there is none. Throws as `openDataSet`. */
export async function openTrainAndTest(
  pathOrName: string,
  options: Omit<OpenDataSetOptions, 'split' | 'limit'> & { readonly limit?: Partial<Record<Split, number>> } = {},
): Promise<{ readonly train: DataSet; readonly test: DataSet | null }> {
  const { limit = {}, ...shared } = options;
  const source = await findSource(pathOrName, shared);
  const training = await readSplit(source, 'train');
  const normalization = shared.normalization ?? measureNormalization(training);
  const open = (split: Split, raw: RawSplit) => {
    const most = limit[split];
    return finish(source, { ...shared, split, ...(most === undefined ? {} : { limit: most }) }, raw, normalization);
  };
  const train = open('train', training);
  const testing = await source.read('test');
  return { train, test: testing === null || testing.samples.count === 0 ? null : open('test', testing) };
}

type SourceOptions = Pick<OpenDataSetOptions, 'signal' | 'imageSize'>;

async function findSource(pathOrName: string, { signal, imageSize }: SourceOptions): Promise<Source> {
  signal?.throwIfAborted();
  if (pathOrName === DEFAULT_DATA) return shapesSource(signal);
  const size = checkSize('imageSize', imageSize ?? DEFAULT_IMAGE_SIZE, LARGEST_IMAGE_SIZE);
  const { listing, format } = await recogniseFormat(pathOrName, [DEFAULT_DATA]);
  return {
    name: pathOrName,
    testSplit: format.testSplit,
    read: (split) => format.read(listing, split, { imageSize: size, signal }),
  };
}

function shapesSource(signal: AbortSignal | undefined): Source {
  return {
    name: DEFAULT_DATA,
    testSplit: 'it is generated', // never missing
    read: (split) => generateShapes(split, SHAPE_COUNTS[split], signal),
  };
}

async function readSplit(source: Source, split: Split): Promise<RawSplit> {
  const raw = await source.read(split);
  if (raw === null) {
    throw new SplitMissingError(
      source.name,
      split,
      split === 'test' ? source.testSplit : 'its training files are missing',
    );
  }
  if (raw.samples.count === 0) {
    throw new SplitMissingError(source.name, split, 'its files hold no complete sample: add data');
  }
  return raw;
}

async function trainingNormalization(source: Source, split: Split, raw: RawSplit): Promise<Normalization> {
  return measureNormalization(split === 'train' ? raw : await readSplit(source, 'train'));
}

function finish(
  source: Source,
  { split, limit }: OpenDataSetOptions,
  raw: RawSplit,
  normalization: Normalization,
): DataSet {
  checkNormalization(normalization, raw.inputShape[0]!);
  const chosen = limit === undefined ? null : chooseSamples(raw.samples.count, checkSize('limit', limit), 'limit');
  return createDataSet(`${source.name} (${split})`, raw, normalization, chosen);
}

function checkSize(option: string, value: number, largest = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value > 0 && value <= largest) return value;
  const range = largest === Number.MAX_SAFE_INTEGER ? 'above 0' : `from 1 to ${largest}`;
  throw new DataOptionError(option, value, `give a whole number ${range}`);
}
