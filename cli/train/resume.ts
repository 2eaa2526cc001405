import { dirname, join } from 'node:path';
import { latestCheckpoint, type ReadCheckpoint, readCheckpoint } from '../../agent/index.ts';
import type { RunResult } from '../../planner/coordinator/index.ts';
import { PathError, ResumeMismatchError, ResumeStepsError } from '../errors.ts';
import { RUNS } from '../fleets.ts';
import { dashed } from '../options/index.ts';
import { CHECKPOINTS } from '../runs/index.ts';
import type { EarlierRun } from './earlier.ts';
import { latestRun } from './files.ts';
import { LATEST, optimizerOptionsOf, type TrainInput } from './options.ts';
import { type CheckedRun, type Wishes, wishesOf } from './settings.ts';

/** A run that is gone on with. */
export interface Resumed {
  readonly directory: string;
  readonly checkpoint: ReadCheckpoint;
}

/** What decides which losses a run gives: a resumed one cannot be asked to change it. */
const fixed = [
  'model',
  'batch',
  'microBatches',
  'seed',
  'optimizer',
  'schedule',
  'codec',
  'warmUpSteps',
  'minBits',
  'errorBudget',
  'augment',
  'trainLimit',
] as const satisfies readonly (keyof Wishes)[];

/**
 * The state that `--resume` names; undefined where it is not given, or where the run has saved none yet.
 * @param earlier what the run's log says, where it has one
 * @throws PathError, ResumeMismatchError, and what `readCheckpoint` throws
 */
export async function findResumed(
  input: TrainInput,
  earlier: EarlierRun | undefined,
  signal: AbortSignal,
): Promise<Resumed | undefined> {
  const path = earlier === undefined ? await checkpointsOf(input) : earlier.checkpoint;
  if (path === undefined) return undefined;
  const checkpoint = await readCheckpoint(path, { signal });
  const saved = wishesOf(checkpoint.state);
  for (const option of fixed) {
    const differs = input.given.has(option) && input.options[option] !== saved[option];
    if (differs) throw new ResumeMismatchError(dashed(option), input.options[option], saved[option], checkpoint.path);
  }
  return { directory: earlier?.directory ?? dirname(dirname(checkpoint.path)), checkpoint };
}

/** The directory or file that `--resume` means; undefined where it is not given. @throws PathError where there is none */
export async function placeOfResumed({ options: { resume, out } }: TrainInput): Promise<string | undefined> {
  if (resume === undefined) return undefined;
  const place = resume === LATEST ? (out ?? (await latestRun(RUNS))) : resume;
  if (place !== undefined) return place;
  throw new PathError(RUNS, 'holds no run to go on with: give the directory of one, such as --resume runs/my-run');
}

async function checkpointsOf(input: TrainInput): Promise<string | undefined> {
  const place = await placeOfResumed(input);
  if (place === undefined) return undefined;
  const inside = join(place, CHECKPOINTS);
  return (await latestCheckpoint(inside).catch(() => undefined)) === undefined ? place : inside;
}

/** What the run was asked for at first, but for what was typed now: how long, how fast, and where the data lie. */
export function wishesOfResumed({ options, given }: TrainInput, { checkpoint }: Resumed): Wishes {
  const saved = wishesOf(checkpoint.state);
  const isLonger = given.has('steps') || given.has('epochs');
  return {
    ...saved,
    ...(given.has('data') ? { data: options.data } : {}),
    ...(given.has('testLimit') ? { testLimit: options.testLimit } : {}),
    ...(isLonger ? { steps: options.steps, epochs: options.epochs } : {}),
    learningRate: options.lr ?? saved.learningRate,
    optimizerOptions: { ...saved.optimizerOptions, ...optimizerOptionsOf(options) },
  };
}

/**
 * Holds a resumed run against its checkpoint, now that its data and its steps are known.
 * @param mayBeDone its last process had done all steps, perhaps, and not what comes after them
 * @throws ResumeMismatchError, ResumeStepsError
 */
export function checkResumed(
  checked: CheckedRun,
  { options, given }: TrainInput,
  { checkpoint }: Resumed,
  mayBeDone: boolean,
): void {
  const { state, path } = checkpoint;
  const { train, wishes, steps, learningRate } = checked;
  const saved = describeData(state.data.classes, state.model.inputShape);
  const found = describeData(train.classes, train.inputShape);
  if (found !== saved) throw new ResumeMismatchError('data', `${wishes.data} (${found})`, saved, path);
  const asked = given.has('steps') ? `--steps ${options.steps}` : `--epochs ${options.epochs}`;
  if (steps <= state.step && !(mayBeDone && steps === state.step)) {
    const enough = steps === state.totalSteps && !given.has('steps') && !given.has('epochs');
    const problem = enough
      ? `the run that is resumed has done all of its ${steps} steps`
      : `${asked} means ${steps} steps in all, and the run that is resumed has done ${state.step}`;
    throw new ResumeStepsError(problem, path, 'Ask for more, with --steps or --epochs');
  }
  if (steps !== state.totalSteps && learningRate.kind === 'cosine' && !given.has('lr')) {
    const problem = `${asked} means ${steps} steps in all, but the learning rate of the run that is resumed (${state.learningRate}) comes down over ${state.totalSteps}`;
    throw new ResumeStepsError(problem, path, 'Say how it goes on with --lr, or leave the length as it is');
  }
}

function describeData(classes: readonly string[], shape: readonly number[]): string {
  return `classes ${classes.join(', ')}; samples of [${shape.join(', ')}]`;
}

/** Of a run whose steps are all done: as if it had just ended. */
export function resultOfCheckpoint({ checkpoint: { state, tensors, path } }: Resumed): RunResult {
  return {
    run: state.run,
    term: Number(state.options.term ?? 1),
    plan: undefined,
    steps: state.step,
    losses: [],
    reason: 'finished',
    tensors: new Map([...tensors].map(([name, tensor]) => [name, { name, ...tensor }])),
    checkpoint: path,
    perBoard: {},
    samplesPerSecond: 0,
    seconds: 0,
    recoveries: [],
  };
}
