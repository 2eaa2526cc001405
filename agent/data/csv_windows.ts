import { join } from 'node:path';
import { parse } from 'yaml';
import { lineOfRow, type Recording, readRecording } from './csv_table.ts';
import type { RawSplit, Split } from './data_set.ts';
import { CorruptDataError, LabelOutOfRangeError } from './errors.ts';
import { type Listing, readBytes } from './files.ts';
import type { DataFormat } from './format.ts';
import { createWindowStore, type WindowStart } from './window_store.ts';

/*
 * Sensor recordings. Each file train.csv, train-NAME.csv, test.csv, test-NAME.csv is one recording of rows
 * `label,value,value…` at a constant rate. A sample is a window of consecutive rows of one recording that all have the
 * same label, as [channels, window]; windows across a change of the label are left out. `dataset.yaml` (or .json)
 * beside the files may hold `window`, `stride` (rows from one window to the next; half a window when not given) and
 * `classes` (else the labels of the training files, in numerical or alphabetical order).
 */
const FILES = { train: /^train(?:-.*)?\.csv$/, test: /^test(?:-.*)?\.csv$/ } satisfies Record<Split, RegExp>;
const SETTINGS_FILES = ['dataset.yaml', 'dataset.json'];
const DEFAULT_WINDOW = 128; // 2.56 s at 50 Hz: customary in recognition of human activity

interface WindowSettings {
  readonly window: number;
  readonly stride: number;
  readonly classes: readonly string[] | null;
}

export const csvWindows: DataFormat = {
  name: 'CSV windows',
  layout:
    "CSV windows of sensors (train.csv and test.csv with the header 'label,ch0,ch1…'; dataset.yaml: window, stride)",
  testSplit: 'it needs test.csv or test-NAME.csv',

  recognises: ({ files }) => files.some((file) => FILES.train.test(file) || FILES.test.test(file)),

  async read(listing, split, { signal }) {
    const settings = await readSettings(listing, signal);
    const recordings = await readRecordings(listing, split, signal);
    if (recordings.length === 0) return null;
    const training = split === 'train' ? recordings : await readRecordings(listing, 'train', signal);
    const reference = training[0] ?? recordings[0]!;
    for (const recording of recordings) checkChannels(recording, reference);
    return cutWindows(recordings, settings.classes ?? collectClasses(training), settings);
  },
};

async function readRecordings(
  { path, files }: Listing,
  split: Split,
  signal: AbortSignal | undefined,
): Promise<Recording[]> {
  const recordings: Recording[] = [];
  for (const file of files) {
    if (FILES[split].test(file)) recordings.push(await readRecording(join(path, file), signal));
  }
  return recordings;
}

async function readSettings({ path, files }: Listing, signal: AbortSignal | undefined): Promise<WindowSettings> {
  const name = SETTINGS_FILES.find((candidate) => files.includes(candidate));
  if (name === undefined) return { window: DEFAULT_WINDOW, stride: DEFAULT_WINDOW / 2, classes: null };
  const file = join(path, name);
  const given = parseMapping(file, (await readBytes(file, signal)).toString('utf8'));
  const { window = DEFAULT_WINDOW, stride, classes, ...unknown } = given;
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined) {
    throw new CorruptDataError(file, `has the unknown key '${stranger}': known are window, stride and classes`);
  }
  const rows = checkRows(file, 'window', window);
  return {
    window: rows,
    stride: stride === undefined ? Math.max(1, Math.floor(rows / 2)) : checkRows(file, 'stride', stride),
    classes: classes === undefined ? null : checkClasses(file, classes),
  };
}

/** YAML, of which JSON is a part. */
function parseMapping(file: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = parse(text) ?? {};
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new CorruptDataError(file, `is not sound YAML (${reason})`);
  }
  throw new CorruptDataError(file, "must be a mapping with 'window', 'stride' and 'classes'");
}

function checkRows(file: string, key: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value;
  throw new CorruptDataError(
    file,
    `has ${key}: ${JSON.stringify(value)}, which must be a whole number of rows above 0`,
  );
}

function checkClasses(file: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.length > 0) {
    const names = value.map(String);
    if (new Set(names).size === names.length) return names;
  }
  throw new CorruptDataError(file, `has classes: ${JSON.stringify(value)}, which must be a list of different names`);
}

function checkChannels({ file, channels }: Recording, reference: Recording): void {
  if (channels.join() === reference.channels.join()) return;
  throw new CorruptDataError(
    file,
    `has the columns ${channels.join()}, but '${reference.file}' has ${reference.channels.join()}`,
  );
}

/** The labels found, as numbers in ascending order where all are numbers, else by code units. */
function collectClasses(recordings: readonly Recording[]): readonly string[] {
  const found = [...new Set(recordings.flatMap(({ labels }) => [...new Set(labels)]))];
  return found.every((label) => Number.isFinite(Number(label)))
    ? found.sort((left, right) => Number(left) - Number(right))
    : found.sort();
}

/** Throws LabelOutOfRangeError for a label that is no class. */
function cutWindows(
  recordings: readonly Recording[],
  classes: readonly string[],
  { window, stride }: WindowSettings,
): RawSplit {
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  const starts: WindowStart[] = [];
  const labels: number[] = [];
  for (const [recording, { file, labels: rows }] of recordings.entries()) {
    const wrong = rows.findIndex((name) => !labelOf.has(name));
    if (wrong !== -1) throw new LabelOutOfRangeError(file, 'line', lineOfRow(wrong), rows[wrong]!, classes);
    const runEnds = endsOfRuns(rows);
    for (let row = 0; row + window <= rows.length; row += stride) {
      if (runEnds[row]! < row + window) continue;
      starts.push({ recording, row });
      labels.push(labelOf.get(rows[row]!)!);
    }
  }
  const channels = recordings[0]!.channels.length;
  const values = recordings.map((recording) => recording.values);
  return {
    inputShape: [channels, window],
    classes,
    labels: Int32Array.from(labels),
    samples: createWindowStore(values, starts, channels, window),
  };
}

/** For each row the first row after it that has another label. */
function endsOfRuns(rows: readonly string[]): Uint32Array {
  const ends = new Uint32Array(rows.length);
  for (let row = rows.length - 1; row >= 0; row--) {
    ends[row] = rows[row] === rows[row + 1] ? ends[row + 1]! : row + 1;
  }
  return ends;
}
