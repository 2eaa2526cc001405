import { defaultCuts, modelNames } from '../../models/index.ts';
import { defaultDeadlines } from '../../planner/coordinator/index.ts';
import { AUTO, defaultScheduleWish, scheduleWishes } from '../../planner/index.ts';
import { codecOption, minBitsOption } from '../codec-options.ts';
import type { CommandInput } from '../command.ts';
import { cutsOption } from '../cuts-option.ts';
import { boardIds } from '../fleet-options.ts';
import { DEFAULT_FLEETS } from '../fleets.ts';
import { flag, oneOf, realNumber, text, wholeNumber, withBare, withDefault } from '../options/index.ts';
import { AUTO_WARM_UP_STEPS, DEFAULT_ERROR_BUDGET, type Wishes } from './settings.ts';
import { blockRuns } from './split.ts';

/** What `--resume` alone means. */
export const LATEST = 'latest';

/** Good starting points for the models of the zoo. */
const defaultRates = { sgd: 'cosine:0.05,warmup=20', adamw: 'cosine:0.002,warmup=20' } as const;

export const trainOptions = {
  model: withDefault(text('NAME', `which model: ${modelNames.join(', ')}`), 'cifarnet'),
  data: withDefault(text('DIR', "a directory of data, or 'shapes', which is generated"), 'shapes'),
  boards: boardIds('how many boards, or which in the order of the pipeline; 2, or all of the fleet, when not given'),
  scenario: text('FILE', 'train on boards and a network that are emulated on this machine as this file says'),
  cuts: withDefault(cutsOption, defaultCuts),
  split: blockRuns('the blocks of each board, in the order of the boards; the planner chooses when not given'),
  survey: wholeNumber(
    'seconds that each board may measure itself for before the plan is made; 0: not at all (default 30 for the boards ' +
      'of a fleet or a scenario, 0 where they are equal or --split is given)',
    { least: 0, most: 3600 },
  ),
  fleet: text('NAME', 'train on this fleet; without it boards are started on this machine for the time of the run'),
  fleets: withDefault(text('DIR', 'the directory of fleet files'), DEFAULT_FLEETS),
  out: text('DIR', 'where the results go; runs/RUN when not given'),
  epochs: withDefault(wholeNumber('times through the training data'), 5),
  steps: wholeNumber('optimizer steps, instead of epochs'),
  batch: withDefault(wholeNumber('samples of one step'), 64),
  microBatches: withDefault(wholeNumber('parts that the batch goes through the pipeline in'), 4),
  schedule: withDefault(oneOf(scheduleWishes, 'the pipeline schedule'), defaultScheduleWish),
  codec: withDefault(codecOption, 'none'),
  minBits: minBitsOption,
  errorBudget: withDefault(
    realNumber('with --codec auto: a link that loses more (relative error, root mean square) is made wider'),
    DEFAULT_ERROR_BUDGET,
  ),
  warmUpSteps: wholeNumber(
    `first steps that go uncompressed, where --codec is given (default 0; auto ${AUTO_WARM_UP_STEPS})`,
    { least: 0 },
  ),
  optimizer: withDefault(oneOf(['sgd', 'adamw'], 'the optimizer'), 'sgd'),
  lr: text(
    'RATE',
    `learning rate: 0.05, step:0.1,every=30epochs,factor=0.1, cosine:0.05,warmup=20 (default ${defaultRates.sgd}; adamw ${defaultRates.adamw})`,
  ),
  momentum: realNumber('momentum of sgd (default 0.9)'),
  weightDecay: realNumber('weight decay (default 0 for sgd, 0.01 for adamw)'),
  clipNorm: realNumber('largest norm of all gradients together'),
  seed: withDefault(wholeNumber('everything random is drawn from it', { least: 0 }), 1),
  augment: flag('flip and crop the training images at random'),
  trainLimit: wholeNumber('use at most so many training samples'),
  testLimit: wholeNumber('use at most so many test samples'),
  threads: withDefault(wholeNumber('threads of each board that is started here', { least: 0, most: 64 }), 1),
  checkpointEvery: withDefault(wholeNumber('steps between checkpoints; 0: only at the end', { least: 0 }), 200),
  onLoss: withDefault(
    oneOf(['recover', 'stop'], 'what happens when a board is lost: go on with the others, or end the run'),
    'recover',
  ),
  replicateEvery: wholeNumber(
    'steps between states that boards hold for each other; 0: they do not; as often as is cheap when not given',
    { least: 0 },
  ),
  captureEvery: wholeNumber(
    'steps between states that the hub holds in its memory besides; 0: only checkpoints; as often as is cheap when not given',
    { least: 0 },
  ),
  waitForBoards: wholeNumber(
    'seconds that a run waits for lost boards where it cannot go on without; a day with --fleet, else 30',
  ),
  patience: withDefault(
    wholeNumber('seconds without any progress after which the run is given up; more for slow boards'),
    defaultDeadlines.silence,
  ),
  linkPatience: withDefault(
    wholeNumber('seconds that a link between boards may be without a connection before the run is given up'),
    defaultDeadlines.link,
  ),
  dataBroker: text('URL', "an MQTT broker that carries the data where boards cannot reach each other, or 'hub'"),
  resume: withBare(
    text('DIR', 'go on with an interrupted run: its directory or a checkpoint; the last one in runs/ when not given'),
    LATEST,
  ),
  unattended: flag(
    'nobody is there: begin with the boards that are online within 10 s (what a hub goes on with a run by)',
  ),
} as const;

export type TrainInput = CommandInput<typeof trainOptions>;

/** Those of the optimizer's options that were typed. */
export function optimizerOptionsOf({ momentum, weightDecay, clipNorm }: TrainInput['options']) {
  const typed = Object.entries({ momentum, weightDecay, clipNorm }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(typed) as Record<string, number>;
}

/** What a new run is asked to do. */
export function wishesFrom({ options }: TrainInput): Wishes {
  const { model, data, batch, microBatches, schedule, optimizer, seed, augment, trainLimit, testLimit } = options;
  const { codec, minBits, errorBudget } = options;
  const warmUpSteps = options.warmUpSteps ?? (codec === AUTO ? AUTO_WARM_UP_STEPS : 0);
  return {
    ...{
      codec,
      warmUpSteps,
      minBits,
      errorBudget,
      model,
      data,
      batch,
      microBatches,
      schedule,
      optimizer,
      seed,
      augment,
      trainLimit,
      testLimit,
    },
    optimizerOptions: optimizerOptionsOf(options),
    learningRate: options.lr ?? defaultRates[optimizer as keyof typeof defaultRates],
    steps: options.steps,
    epochs: options.epochs,
  };
}
