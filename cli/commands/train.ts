import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import {
  evaluate,
  latestCheckpoint,
  parametersOf,
  type ReadCheckpoint,
  readCheckpoint,
  writeCheckpoint,
} from '../../agent/index.ts';
import { exportInference, modelNames } from '../../models/index.ts';
import {
  type CheckpointStore,
  defaultDeadlines,
  type RunResult,
  runTraining,
} from '../../planner/coordinator/index.ts';
import { defaultSchedule, formatPlan, scheduleNames } from '../../planner/index.ts';
import { type CommandInput, type Context, defineCommand, type Outcome } from '../command.ts';
import { PathError, ResumeMismatchError } from '../errors.ts';
import { boardIds, numberedBoards } from '../fleet-options.ts';
import { DEFAULT_FLEETS, openFleet, RUNS, runsDirectory } from '../fleets.ts';
import { logTo } from '../log.ts';
import { dashed, flag, oneOf, realNumber, text, wholeNumber, withBare, withDefault } from '../options/index.ts';
import { joinOrStartHub } from '../processes/hub.ts';
import { type Lab, startPassingLab } from '../processes/lab.ts';
import { alignRows, boardRows, costOf, linkBytes, linkRows, percent } from '../train/closing-table.ts';
import { CHECKPOINTS, latestRun, MODEL_FILE, prepareRunDirectory, RUN_FILE, writeWhole } from '../train/files.ts';
import { progressPrinter } from '../train/progress.ts';
import { type CheckedRun, checkRun, runStateOf, type Wishes, wishesOf } from '../train/settings.ts';

const LATEST = 'latest';
/** Good starting points for the models of the zoo. */
const defaultRates = { sgd: 'cosine:0.05,warmup=20', adamw: 'cosine:0.002,warmup=20' } as const;

const options = {
  model: withDefault(text('NAME', `which model: ${modelNames.join(', ')}`), 'cifarnet'),
  data: withDefault(text('DIR', "a directory of data, or 'shapes', which is generated"), 'shapes'),
  boards: boardIds('how many boards, or which in the order of the pipeline; 2, or all of the fleet, when not given'),
  fleet: text('NAME', 'train on this fleet; without it boards are started on this machine for the time of the run'),
  fleets: withDefault(text('DIR', 'the directory of fleet files'), DEFAULT_FLEETS),
  out: text('DIR', 'where the results go; runs/RUN when not given'),
  epochs: withDefault(wholeNumber('times through the training data'), 5),
  steps: wholeNumber('optimizer steps, instead of epochs'),
  batch: withDefault(wholeNumber('samples of one step'), 64),
  microBatches: withDefault(wholeNumber('parts that the batch goes through the pipeline in'), 4),
  schedule: withDefault(oneOf(scheduleNames, 'the pipeline schedule'), defaultSchedule),
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
  patience: withDefault(
    wholeNumber('seconds without any progress after which the run is given up; more for slow boards'),
    defaultDeadlines.silence,
  ),
  resume: withBare(
    text('DIR', 'go on with an interrupted run: its directory or a checkpoint; the last one in runs/ when not given'),
    LATEST,
  ),
} as const;

export const train = defineCommand({
  name: 'train',
  summary: 'Train a model across boards; ends with an ONNX file and its accuracy.',
  details: [
    'Writes DIR/model.onnx, DIR/run.json and DIR/checkpoints. Ctrl-C ends the run after the steps under way and leaves ' +
      'a checkpoint; --resume goes on from it, to the same losses.',
  ],
  options,
  examples: [
    'flotilla train --model cifarnet --boards 4',
    'flotilla train --model resnet18 --data ./cifar10 --boards 3 --epochs 10 --augment',
    'flotilla train --resume runs/my-run --boards 2',
  ],
  run: startRun,
});

type Input = CommandInput<typeof options>;

interface Resumed {
  readonly directory: string;
  readonly checkpoint: ReadCheckpoint;
}

async function startRun(input: Input, context: Context): Promise<Outcome> {
  const { interrupts, output } = context;
  const resumed = await findResumed(input, interrupts.gentle);
  const wishes = resumed === undefined ? wishesFrom(input) : wishesOf(resumed.checkpoint.state);
  const ids = await boardsOf(input);
  const checked = await checkRun(wishes, ids.length, interrupts.gentle);
  const run = resumed?.checkpoint.state.run ?? newRunName(checked.model.name);
  const directory = input.options.out ?? resumed?.directory ?? runsDirectory(run);
  await prepareRunDirectory(directory, resumed !== undefined);
  const lab = await openLab(input, ids, context);
  try {
    const result = await trainOn(lab, { input, checked, run, directory, ids, resumed }, context);
    if (result.reason === 'interrupted') {
      output.status('');
      const next =
        result.checkpoint === undefined
          ? 'Nothing was trained yet.'
          : `Go on with: flotilla train --resume ${directory}`;
      output.line(`Stopped after step ${result.steps} of ${checked.steps}. ${next}`);
      return {
        exitCode: 130,
        report: { run, steps: result.steps, interrupted: true, checkpoint: result.checkpoint ?? null },
      };
    }
    return { report: await finish(result, checked, directory, context) };
  } finally {
    await lab.close();
  }
}

interface RunContext {
  readonly input: Input;
  readonly checked: CheckedRun;
  readonly run: string;
  readonly directory: string;
  readonly ids: readonly string[];
  readonly resumed: Resumed | undefined;
}

function trainOn(lab: Lab, about: RunContext, { output, interrupts }: Context): Promise<RunResult> {
  const { input, checked, run, directory, ids, resumed } = about;
  const { wishes, model, train: trainData, steps } = checked;
  const { kind, ...rate } = checked.learningRate;
  const state = resumed?.checkpoint.state;
  const checkpoints: CheckpointStore = {
    async write({ step, term, losses }, tensors, signal) {
      const before = state?.losses ?? [];
      return writeCheckpoint(
        join(directory, CHECKPOINTS),
        {
          state: runStateOf(run, checked, step, term, [...before, ...losses]),
          tensors: new Map(tensors.map(({ name, shape, data }) => [name, { shape, data }])),
        },
        { signal },
      );
    },
  };
  return runTraining(
    {
      messenger: lab.hub.messenger,
      transport: lab.hub.transport,
      hubUrl: lab.hub.dataUrl,
      checkpoints,
      log: logTo(output, input.options.verbose),
      lastWords: (board) => lab.lastWords(board),
      onPlan: (plan) => output.line(formatPlan(plan)),
      onProgress: progressPrinter(output),
      interrupt: interrupts.gentle,
    },
    {
      run,
      term: Number(state?.options.term ?? 0) + 1,
      model: { name: model.name, classes: trainData.classes.length, inputShape: trainData.inputShape },
      data: {
        name: checked.source,
        options: {
          augment: wishes.augment,
          ...(wishes.trainLimit === undefined ? {} : { trainLimit: wishes.trainLimit }),
        },
      },
      batch: wishes.batch,
      microBatches: wishes.microBatches,
      schedule: checked.schedule,
      optimizer: { name: wishes.optimizer, options: wishes.optimizerOptions },
      learningRate: { name: kind, options: { ...rate, totalSteps: steps } },
      seed: wishes.seed,
      boards: ids,
      steps,
      fromStep: state?.step ?? 0,
      ...(resumed === undefined ? {} : { restore: resumed.checkpoint.tensors }),
      checkpointEverySteps: input.options.checkpointEvery,
      deadlines: { prepared: input.options.patience, silence: input.options.patience },
    },
    interrupts.urgent,
  );
}

/** Writes the model and the record of the run, and says how it went. */
async function finish(result: RunResult, checked: CheckedRun, directory: string, { output, interrupts }: Context) {
  const { train: trainData, test, model } = checked;
  const weights = parametersOf(result.tensors);
  const onnx = exportInference(model, weights, { classes: trainData.classes, normalization: trainData.normalization });
  const modelFile = join(directory, MODEL_FILE);
  await writeWhole(modelFile, onnx);
  const accuracy = test === null ? null : (await evaluate(onnx, test, interrupts.gentle)).accuracy;
  const cost = costOf(result);
  const links = linkBytes(result);
  const files = { model: modelFile, run: join(directory, RUN_FILE), checkpoint: result.checkpoint ?? null };
  const report = {
    run: result.run,
    steps: result.steps,
    loss: result.losses.at(-1) ?? null,
    accuracy,
    samplesPerSecond: result.samplesPerSecond,
    seconds: result.seconds,
    computeShare: cost.computeShare,
    runtimeShare: cost.runtimeShare,
    boards: result.perBoard,
    links,
    files,
  };
  await writeWhole(files.run, `${JSON.stringify({ ...report, plan: result.plan, losses: result.losses }, null, 2)}\n`);
  output.status('');
  output.line();
  for (const line of alignRows(boardRows(result))) output.line(line);
  output.line();
  if (links.length > 0) {
    for (const line of alignRows(linkRows(links, result.losses.length))) output.line(line);
    output.line();
  }
  const rows = [
    ['samples per second', result.samplesPerSecond.toFixed(1)],
    [`boards' compute time ÷ (wall time × ${cost.cores} cores)`, percent(cost.computeShare)],
    ["runtime's own share of the boards' CPU time", percent(cost.runtimeShare)],
    ['loss of the last step', (report.loss ?? Number.NaN).toFixed(4)],
    [`accuracy of ${modelFile}`, accuracy === null ? 'no test data' : percent(accuracy)],
  ];
  for (const line of alignRows(rows)) output.line(line);
  output.line(`files: ${files.model}, ${files.run}${files.checkpoint === null ? '' : `, ${files.checkpoint}`}`);
  return report;
}

function wishesFrom({ options: given }: Input): Wishes {
  const { momentum, weightDecay, clipNorm } = given;
  const optimizerOptions = Object.fromEntries(
    Object.entries({ momentum, weightDecay, clipNorm }).filter(([, value]) => value !== undefined),
  ) as Record<string, number>;
  return {
    model: given.model,
    data: given.data,
    batch: given.batch,
    microBatches: given.microBatches,
    schedule: given.schedule,
    optimizer: given.optimizer,
    optimizerOptions,
    learningRate: given.lr ?? defaultRates[given.optimizer as keyof typeof defaultRates],
    seed: given.seed,
    augment: given.augment,
    trainLimit: given.trainLimit,
    testLimit: given.testLimit,
    steps: given.steps,
    epochs: given.epochs,
  };
}

/** What a resumed run cannot be asked to change. */
const fixedWhenResumed = ['model', 'data', 'batch', 'microBatches', 'seed', 'optimizer', 'schedule'] as const;

async function findResumed(input: Input, signal: AbortSignal): Promise<Resumed | undefined> {
  const { resume, out } = input.options;
  if (resume === undefined) return undefined;
  const place = resume === LATEST ? (out ?? (await latestRun(RUNS))) : resume;
  if (place === undefined) {
    throw new PathError(RUNS, 'holds no run to go on with: give the directory of one, such as --resume runs/my-run');
  }
  const inside = join(place, CHECKPOINTS);
  const path = (await latestCheckpoint(inside).catch(() => undefined)) === undefined ? place : inside;
  const checkpoint = await readCheckpoint(path, { signal });
  const saved = wishesOf(checkpoint.state);
  for (const option of fixedWhenResumed) {
    const differs = input.given.has(option) && input.options[option] !== saved[option];
    if (differs && !(option === 'data'))
      throw new ResumeMismatchError(dashed(option), input.options[option], saved[option], checkpoint.path);
  }
  return { directory: dirname(dirname(checkpoint.path)), checkpoint };
}

async function boardsOf({ options: { boards, fleet, fleets } }: Input): Promise<readonly string[]> {
  if (fleet === undefined) return boards ?? numberedBoards(2);
  const known = (await openFleet(fleets, fleet, 'hub')).fleet.boards.map(({ id }) => id);
  return boards ?? known;
}

/** The fleet that was asked for, or one that is started for this run. */
async function openLab(
  { options: { fleet, fleets, threads, verbose } }: Input,
  ids: readonly string[],
  { output }: Context,
): Promise<Lab> {
  const log = logTo(output, verbose);
  if (fleet === undefined) return startPassingLab(ids, threads, log, verbose);
  const opened = await openFleet(fleets, fleet, 'hub');
  const { address: host, port } = opened.fleet.hub;
  const hub = await joinOrStartHub({ identity: opened.identity, keyring: opened.keyring, host, port, log });
  return { hub, boards: [], lastWords: async () => undefined, close: () => hub.close() };
}

function newRunName(model: string): string {
  return `${model}-${randomBytes(3).toString('hex')}`;
}
