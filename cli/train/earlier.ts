import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { latestCheckpoint } from '../../agent/index.ts';
import type { Option, OptionTable } from '../options/index.ts';
import { CHECKPOINTS, RUN_LOG, type RunHistory, readRunLog } from '../runs/index.ts';
import { type TrainInput, trainOptions } from './options.ts';
import { placeOfResumed } from './resume.ts';

/** The run that `--resume` names, by its log. */
export interface EarlierRun {
  readonly directory: string;
  /** The checkpoint to go on from; undefined where the run is to go on from its beginning. */
  readonly checkpoint: string | undefined;
  readonly history: RunHistory;
}

/** Undefined for a new run, and for one without a log. @throws RunLogDamagedError, PathError */
export async function findEarlier(input: TrainInput): Promise<EarlierRun | undefined> {
  const place = await placeOfResumed(input);
  if (place === undefined) return undefined;
  // The run's own directory, that of its checkpoints, or one of these.
  for (const directory of [place, dirname(place), dirname(dirname(place))]) {
    if ((await stat(join(directory, RUN_LOG)).catch(() => undefined)) === undefined) continue;
    const history = await readRunLog(directory);
    if (history === undefined) return undefined;
    const isFile = (await stat(place)).isFile();
    return { directory, history, checkpoint: isFile ? place : await lastState(directory, history) };
  }
  return undefined;
}

/** The newest checkpoint; but while a process that took the run up has saved none, what that one began with. */
async function lastState(directory: string, { from, newest }: RunHistory): Promise<string | undefined> {
  const latest = await latestCheckpoint(join(directory, CHECKPOINTS));
  const hasSaved = latest !== undefined && latest !== (newest === null ? undefined : join(directory, newest));
  if (hasSaved) return latest;
  return from === null ? undefined : join(directory, from);
}

type Name = keyof typeof trainOptions;

/** Where the run is to be: whoever says one of these says all that is to hold of them. */
const ofPlace: readonly Name[] = ['scenario', 'fleet', 'boards'];
const withPlace: readonly Name[] = [...ofPlace, 'fleets', 'split', 'cuts', 'threads', 'dataBroker', 'survey'];
/** How it is shared out and kept. A checkpoint holds none of it. */
const ofKeeping: readonly Name[] = [
  'checkpointEvery',
  'onLoss',
  'replicateEvery',
  'captureEvery',
  'waitForBoards',
  'patience',
  'linkPatience',
];
/** What is said of one process only. */
const ofProcess: readonly string[] = ['out', 'resume', 'unattended', 'json', 'verbose', 'help'];

/** The options of a resumed run: what is not typed is as it was before, as far as no checkpoint keeps it. */
export function withEarlierOptions(input: TrainInput, earlier: EarlierRun | undefined): TrainInput {
  if (earlier === undefined) return input;
  const hasCheckpoint = earlier.checkpoint !== undefined;
  const saysPlace = ofPlace.some((name) => input.given.has(name));
  const missing = [...earlier.history.typed].filter(([name]) => {
    if (input.given.has(name as Name) || !(name in trainOptions)) return false;
    if ((withPlace as readonly string[]).includes(name)) return !saysPlace;
    return !hasCheckpoint || (ofKeeping as readonly string[]).includes(name);
  });
  const values = missing.map(([name, text]) => [name, readAs((trainOptions as OptionTable)[name]!, text)]);
  return {
    ...input,
    options: { ...input.options, ...Object.fromEntries(values) },
    given: new Set([...input.given, ...missing.map(([name]) => name as Name)]),
    typed: new Map([...missing, ...input.typed]),
  };
}

const readAs = (option: Option<unknown>, text: string | undefined): unknown =>
  text === undefined ? true : option.read(text);

/** Paths among the options: another process may have another directory. */
const paths: readonly string[] = ['fleets', 'scenario'] satisfies readonly Name[];

/** What the log keeps of the options, so that the same can be typed again anywhere. */
export function typedForLog({ typed, options }: TrainInput, source: string): Readonly<Record<string, string | null>> {
  const kept = [...typed].filter(([name]) => !ofProcess.includes(name));
  const entries = kept.map(([name, text]): [string, string | null] => {
    if (text === undefined) return [name, null];
    if (name === 'data') return [name, source];
    return [name, paths.includes(name) ? resolve(text) : text];
  });
  // Where the fleet's file lies follows from the directory, too.
  const fleets = options.fleet === undefined ? [] : [['fleets', resolve(options.fleets)] as const];
  return Object.fromEntries([...entries, ...fleets]);
}
