import { resolve } from 'node:path';
import { type DataSet, DEFAULT_DATA, openTrainAndTest, type RunState } from '../../agent/index.ts';
import {
  buildModel,
  type Cuts,
  createOptimizer,
  formatSchedule,
  InputMismatchError,
  isModelName,
  type LearningRateSchedule,
  type Model,
  modelNames,
  parseSchedule,
  splitIntoBlocks,
  UnknownModelError,
  zoo,
} from '../../models/index.ts';
import {
  BatchDivisionError,
  type CodecWish,
  MoreBoardsThanBlocksError,
  parseCodecWish,
  parseScheduleWish,
  type ScheduleWish,
} from '../../planner/index.ts';
import { DEFAULT_MIN_BITS } from '../codec-options.ts';

/** Relative error that a link may have before it is made wider. [decision 23] */
export const DEFAULT_ERROR_BUDGET = 0.1;
/** Steps that go uncompressed where the planner chooses the widths. */
export const AUTO_WARM_UP_STEPS = 20;

/** What a person may ask of a run; all of it can be kept in a checkpoint. */
export interface Wishes {
  readonly model: string;
  readonly data: string;
  readonly batch: number;
  readonly microBatches: number;
  readonly schedule: string;
  readonly optimizer: string;
  readonly optimizerOptions: Readonly<Record<string, number>>;
  readonly learningRate: string;
  readonly seed: number;
  /** How links encode, as `parseCodecWish` reads it; 'none' for as it is. */
  readonly codec: string;
  /** For `auto`: the narrowest that a link may become, and what may be lost. */
  readonly minBits: string;
  readonly errorBudget: number;
  readonly warmUpSteps: number;
  readonly augment: boolean;
  readonly trainLimit: number | undefined;
  readonly testLimit: number | undefined;
  /** Steps, or epochs where steps is not given. */
  readonly steps: number | undefined;
  readonly epochs: number;
}

/** How a run is shared out, which decides nothing of what it computes: no checkpoint keeps it. */
export interface Sharing {
  readonly boards: number;
  readonly cuts: Cuts;
}

/** Wishes that have been held against the model and the data: nothing in them can be refused any more. */
export interface CheckedRun {
  readonly wishes: Wishes;
  /** Of one micro-batch. */
  readonly model: Model;
  readonly blocks: number;
  readonly train: DataSet;
  readonly test: DataSet | null;
  readonly schedule: ScheduleWish;
  readonly learningRate: LearningRateSchedule;
  /** Null where nothing is encoded. */
  readonly codecs: CodecWish | null;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  /** As a board finds it: a directory as an absolute path. */
  readonly source: string;
}

/** @throws a named error with exit code 2 for whatever does not fit; nothing has been started or written then */
export async function checkRun(wishes: Wishes, { boards, cuts }: Sharing, signal: AbortSignal): Promise<CheckedRun> {
  const { batch, microBatches } = wishes;
  if (!isModelName(wishes.model)) throw new UnknownModelError(wishes.model, modelNames);
  if (batch % microBatches !== 0) throw new BatchDivisionError(batch, microBatches);
  const schedule = parseScheduleWish(wishes.schedule);
  createOptimizer(wishes.optimizer, wishes.optimizerOptions);
  parseSchedule(wishes.learningRate, { stepsPerEpoch: 1 });
  const codecs = parseCodecWish(wishes.codec, wishes.minBits, wishes.errorBudget);
  const limit = limitsOf(wishes);
  const { train, test } = await openTrainAndTest(wishes.data, { signal, ...(limit === undefined ? {} : { limit }) });
  const { sampleRank, sample } = zoo[wishes.model];
  if (sampleRank !== undefined && train.inputShape.length !== sampleRank) {
    throw new InputMismatchError(wishes.model, sample, train.inputShape, wishes.data);
  }
  const classes = train.classes.length;
  const model = buildModel(wishes.model, { batch: batch / microBatches, classes, inputShape: train.inputShape });
  const blocks = splitIntoBlocks(model.graph, cuts).length;
  if (boards > blocks) throw new MoreBoardsThanBlocksError(boards, blocks);
  const stepsPerEpoch = Math.max(1, Math.floor(train.count / batch));
  return {
    wishes,
    model,
    blocks,
    train,
    test,
    schedule,
    codecs,
    learningRate: parseSchedule(wishes.learningRate, { stepsPerEpoch }),
    steps: wishes.steps ?? wishes.epochs * stepsPerEpoch,
    stepsPerEpoch,
    source: wishes.data === DEFAULT_DATA ? wishes.data : resolve(wishes.data),
  };
}

function limitsOf({ trainLimit, testLimit }: Wishes) {
  if (trainLimit === undefined && testLimit === undefined) return undefined;
  return {
    ...(trainLimit === undefined ? {} : { train: trainLimit }),
    ...(testLimit === undefined ? {} : { test: testLimit }),
  };
}

/** What a checkpoint keeps of a run, at `step`. */
export function runStateOf(
  run: string,
  checked: CheckedRun,
  step: number,
  term: number,
  losses: readonly number[],
): RunState {
  const { wishes, model, train, steps } = checked;
  const { batch, microBatches, seed, augment, trainLimit, testLimit, schedule } = wishes;
  const { codec, warmUpSteps, minBits, errorBudget } = wishes;
  return {
    run,
    model: { name: model.name, classes: train.classes.length, inputShape: train.inputShape },
    data: { source: checked.source, classes: train.classes, normalization: train.normalization },
    seed,
    step,
    totalSteps: steps,
    samplesSeen: step * batch,
    optimizer: { name: wishes.optimizer, options: wishes.optimizerOptions },
    learningRate: formatSchedule(checked.learningRate),
    batch,
    microBatches,
    losses,
    options: {
      schedule,
      augment,
      term,
      trainLimit: trainLimit ?? null,
      testLimit: testLimit ?? null,
      codec,
      warmUpSteps,
      minBits,
      errorBudget,
    },
  };
}

/** The wishes of the run that a checkpoint was taken of. */
export function wishesOf(state: RunState): Wishes {
  const { schedule, augment, trainLimit, testLimit, codec, warmUpSteps, minBits, errorBudget } = state.options as {
    schedule: string;
    augment: boolean;
    trainLimit: number | null;
    testLimit: number | null;
    /** Absent in checkpoints from before there were codecs. */
    codec?: string;
    warmUpSteps?: number;
    /** Absent in those from before widths were chosen. */
    minBits?: string;
    errorBudget?: number;
  };
  return {
    model: state.model.name,
    data: state.data.source,
    batch: state.batch,
    microBatches: state.microBatches,
    schedule,
    optimizer: state.optimizer.name,
    optimizerOptions: state.optimizer.options,
    learningRate: state.learningRate,
    seed: state.seed,
    codec: codec ?? 'none',
    warmUpSteps: warmUpSteps ?? 0,
    minBits: minBits ?? DEFAULT_MIN_BITS,
    errorBudget: errorBudget ?? DEFAULT_ERROR_BUDGET,
    augment,
    trainLimit: trainLimit ?? undefined,
    testLimit: testLimit ?? undefined,
    steps: state.totalSteps,
    epochs: 0,
  };
}
