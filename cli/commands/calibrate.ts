import { availableParallelism, hostname } from 'node:os';
import {
  calibrate,
  createTelemetry,
  DEFAULT_PROFILES,
  HOT_CELSIUS,
  loadProfile,
  type Measurer,
  onnxRuntime,
  saveProfile,
  startMeasurer,
} from '../../agent/index.ts';
import { isId } from '../../broker/index.ts';
import { type Cuts, defaultCuts, modelNames, zoo } from '../../models/index.ts';
import {
  blockSources,
  boardTimes,
  calibrationOptimizerSlots,
  type DeviceProfile,
  halfSources,
  modelBlocks,
  type PredictorFile,
  predictors,
  type SurveyModel,
} from '../../planner/index.ts';
import { defineCommand } from '../command.ts';
import { cutsOption } from '../cuts-option.ts';
import { flag, type Option, oneOf, realNumber, text, wholeNumber, withDefault } from '../options/index.ts';
import { readPredictor } from '../predictor/files.ts';

const classes = 10;

const boardId: Option<string | undefined> = {
  about: "the board's id, under which its profile is kept; the machine's name when not given",
  placeholder: 'ID',
  rule: 'a board id (lower-case letters, digits, dashes)',
  read: (given) => (isId('board', given) ? given : undefined),
};

export const calibrateCommand = defineCommand({
  name: 'calibrate',
  summary: 'Measure what this board is fast and slow at, and keep it as its profile.',
  details: [
    'A probe measures matrix products, convolutions, element-wise passes, copies and the cost of a call; then some blocks ' +
      'of a model are measured, those that the predictor is least sure of, and, where half of the time is left, its halves. ' +
      'A profile that is there for this version of the engine is used again.',
  ],
  options: {
    board: boardId,
    model: oneOf(modelNames, 'the model whose blocks are measured after the probe; the probe alone when not given'),
    cuts: withDefault(cutsOption, defaultCuts),
    microBatch: withDefault(wholeNumber('samples a micro-batch', { most: 4096 }), 8),
    blocks: withDefault(wholeNumber('blocks of the model to measure, at most', { least: 0, most: 200 }), 6),
    rows: withDefault(wholeNumber('halves of the model to measure as stages, at most', { least: 0, most: 2 }), 2),
    threads: withDefault(wholeNumber('threads of one operation; 0 takes all cores', { least: 0, most: 64 }), 0),
    budget: withDefault(realNumber('seconds that it may take', { least: 1 }), 30),
    hot: withDefault(realNumber('degrees Celsius at which the rest is given up', { least: 20 }), HOT_CELSIUS),
    profiles: withDefault(text('DIR', 'the directory of profiles'), DEFAULT_PROFILES),
    predictor: text('FILE', 'another predictor than the one that Flotilla brings along'),
    fresh: flag('measure again, whatever profile is there'),
  },
  examples: ['flotilla calibrate', 'flotilla calibrate --model mobilenetv2 --budget 20 --fresh'],
  async run({ options }, { output, interrupts }) {
    const board = options.board ?? idOf(hostname());
    const predictor = await readPredictor(options.predictor);
    const kept = options.fresh ? undefined : await loadProfile(options.profiles, board, onnxRuntime);
    const profile = kept ?? (await measure());
    const file = kept === undefined ? await saveProfile(options.profiles, profile) : undefined;
    output.line(words(profile, kept === undefined ? `measured in ${profile.seconds.toFixed(1)} s` : 'as kept'));
    if (file !== undefined) output.line(`written to ${file}`);
    const times =
      options.model === undefined ? undefined : timesOf(predictor, profile, modelOf(options.model, options));
    if (times !== undefined) output.line(`${options.model}, a micro-batch of ${options.microBatch}: ${sumOf(times)}`);
    return { report: { ...profile, reused: kept !== undefined, ...(times && { times }) } };

    async function measure(): Promise<DeviceProfile> {
      const start = performance.now();
      const measurer = await startMeasurer(interrupts.gentle);
      try {
        return await calibrateWith(measurer, (performance.now() - start) / 1000);
      } finally {
        await measurer.close();
      }
    }

    function subjectsOf(model: SurveyModel) {
      return {
        blocks: blockSources(model),
        mostBlocks: options.blocks,
        rows: halfSources(model).slice(0, options.rows),
      };
    }

    /** The start of the thread counts: on a slow board it takes seconds. */
    function calibrateWith(measurer: Measurer, startSeconds: number): Promise<DeviceProfile> {
      const telemetry = createTelemetry();
      return calibrate(measurer, {
        board,
        threads: options.threads || availableParallelism(),
        budgetSeconds: Math.max(1, options.budget - startSeconds),
        predictor: predictors.adaptive,
        model: predictor.model,
        ...(options.model && subjectsOf(modelOf(options.model, options))),
        isHot: () => (telemetry.sample().temperatureC ?? 0) >= options.hot,
        signal: interrupts.gentle,
        progress: ({ model, firstBlock, pass, seconds }) =>
          output.status(`${model} ${firstBlock} ${pass}: ${(1000 * seconds).toFixed(2)} ms`),
      });
    }
  },
});

/** A machine's name as a board's id. */
function idOf(name: string): string {
  const id = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 32);
  return isId('board', id) ? id : 'board';
}

interface Blocks {
  readonly cuts: Cuts;
  readonly microBatch: number;
}

function modelOf(name: keyof typeof zoo, { cuts, microBatch }: Blocks): SurveyModel {
  return { name, classes, inputShape: zoo[name].sample, cuts, microBatch };
}

function timesOf({ model: predictor }: PredictorFile, profile: DeviceProfile, model: SurveyModel) {
  const blocks = modelBlocks(model, model.microBatch);
  return boardTimes({ model, blocks, optimizerSlots: calibrationOptimizerSlots, predictor }, { profile, links: [] });
}

function sumOf({ blocks, callSeconds }: ReturnType<typeof timesOf>): string {
  const sum = (pass: 'forward' | 'backward' | 'update') => blocks.reduce((total, times) => total + times[pass], 0);
  const ms = (seconds: number) => `${(1000 * (seconds + callSeconds)).toFixed(1)} ms`;
  return `forward ${ms(sum('forward'))}, backward ${ms(sum('backward'))}, update ${ms(sum('update'))}`;
}

function words(
  { board, engine, threads, measurements, ended, copyBytesPerSecond }: DeviceProfile,
  how: string,
): string {
  const early = {
    complete: '',
    budget: '; the budget ended it',
    hot: '; it got hot',
    interrupted: '; it was interrupted',
  };
  const copy = (copyBytesPerSecond / 1e9).toFixed(1);
  return (
    `${board}: ${measurements.length} times, ${how}${early[ended]} (${engine.name} ${engine.version}, ` +
    `${threads} ${threads === 1 ? 'thread' : 'threads'}, copies ${copy} GB/s).`
  );
}
