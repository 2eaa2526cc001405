import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import {
  calibrate,
  createOnnxEngine,
  type Engine,
  measureStage,
  onnxRuntimeVersion,
  probeCapabilities,
  runCalls,
  type StageSpecification,
  startMeasurer,
  windows,
} from '../../agent/index.ts';
import { readPredictor } from '../../cli/predictor/files.ts';
import { buildModel, modelNames, randomStream, splitIntoBlocks, zoo } from '../../models/index.ts';
import {
  formatRecording,
  graphOf,
  parseRecording,
  predictors,
  probeNames,
  probeSource,
  type RecordedRow,
  type Recording,
  type Source,
} from '../../planner/index.ts';
import { boards, type EmulatedBoard } from './boards.ts';
import { withNeighbour } from './neighbour.ts';
import { type Quota, withQuota } from './quota.ts';

/*
 * Records one emulated board: `node bench/predictor/record-board.ts BOARD FILE blocks|stages|calibration`. A file may be
 * recorded into several times: each time adds a round, in which the stages come in another order, so that a disturbance
 * of the machine does not fall on the same stages again.
 */

const blockMicroBatches = [4, 16];
const stageMicroBatch = 8;
const classes = 10;
const calibrationBudget = 30;

/** One measurement: the pass of a source. */
type Measured = readonly [source: Source, pass: RecordedRow['pass'], seconds: number];

const [boardName, file = '', part = 'blocks'] = process.argv.slice(2);
const board: EmulatedBoard = boards.find(({ name }) => name === boardName)!;

/** Whether the board gets its processor in slices: then a measurement is a window of several of them, else a call. */
const sliced = board.quota !== undefined || board.neighbour === 'sameCore';
const windowSeconds = sliced ? Math.max(0.06, 0.012 / (board.quota ?? 0.5)) : 2e-4;
const options = sliced
  ? { windowSeconds, leastWindows: 2, mostWindows: 4, stageSeconds: 4 * windowSeconds }
  : { windowSeconds, leastWindows: 5, mostWindows: 100, stageSeconds: 0.1 };

/** A sliced board's windows count as they are; of calls, one in ten is undisturbed by whatever else the machine does. */
function timeOf(seconds: readonly number[]): number {
  const value = sliced
    ? seconds.reduce((sum, each) => sum + each, 0) / seconds.length
    : seconds.toSorted((a, b) => a - b)[Math.round(0.1 * (seconds.length - 1))]!;
  return Number(value.toPrecision(4));
}

const blocksOf = (model: keyof typeof zoo) =>
  splitIntoBlocks(buildModel(model, { batch: 1, classes, inputShape: zoo[model].sample }).graph).length;

function sourceOf(model: keyof typeof zoo, firstBlock: number, lastBlock: number, microBatch: number): Source {
  return { model, classes, inputShape: zoo[model].sample, firstBlock, lastBlock, microBatch };
}

function singleBlocks(): Source[] {
  const ofModels = modelNames.flatMap((model) =>
    blockMicroBatches.flatMap((microBatch) =>
      Array.from({ length: blocksOf(model) }, (_, block) => sourceOf(model, block, block, microBatch)),
    ),
  );
  return [...probeNames.map(probeSource), ...ofModels];
}

/** Halves and thirds of each model, and each model whole (which is run forward and backward as one). */
function stages(): Source[] {
  return modelNames.flatMap((model) => {
    const count = blocksOf(model);
    const cut = (at: number, pieces: number) => Math.round((at * count) / pieces);
    const parts = [1, 2, 3].flatMap((pieces) =>
      Array.from({ length: pieces }, (_, index) =>
        sourceOf(model, cut(index, pieces), cut(index + 1, pieces) - 1, stageMicroBatch),
      ),
    );
    return parts.filter(({ firstBlock, lastBlock }) => lastBlock > firstBlock);
  });
}

function shuffled(sources: Source[], round: number): Source[] {
  const random = randomStream(round, 'order', part);
  return sources
    .map((source) => [random.uniform(), source] as const)
    .sort(([a], [b]) => a - b)
    .map(([, source]) => source);
}

const isWhole = ({ model, firstBlock, lastBlock }: Source) =>
  Object.hasOwn(zoo, model) && firstBlock === 0 && lastBlock === blocksOf(model as keyof typeof zoo) - 1;

function specification(source: Source): StageSpecification {
  const optimizer = { name: 'sgd', options: { momentum: 0.9, weightDecay: 1e-4 } };
  return { ...source, microBatches: 4, fused: isWhole(source), optimizer, seed: 1, threads: board.threads };
}

async function measure(engine: Engine, source: Source, quota: Quota): Promise<readonly Measured[]> {
  const stage = await engine.load(specification(source));
  if (isWhole(source)) return [[source, 'forwardBackward', await measureWhole(engine, stage.inputShape, quota)]];
  const taken = await measureStage(engine, stage, classes, { ...options, warmedUp: () => quota.enter() });
  const passes = ['forward', 'backward', ...(stage.parameters.length > 0 ? (['update'] as const) : [])] as const;
  return passes.map((pass) => [source, pass, timeOf(taken[pass])]);
}

async function measureWhole(engine: Engine, inputShape: readonly number[], quota: Quota): Promise<number> {
  const count = inputShape.reduce((product, size) => product * size, 1);
  const input = new Float32Array(count).map((_, index) => Math.sin(index));
  const labels = Int32Array.from({ length: inputShape[0]! }, (_, index) => index % classes);
  let step = 0;
  const call = async () => (await engine.forwardBackward({ step: step++, microBatch: 0 }, input, labels)).seconds;
  await call();
  quota.enter();
  const taken = await windows(options, async () => [await runCalls(call, options)]);
  return timeOf(taken.map(([own]) => own!.mean));
}

async function measureAll(quota: Quota, channelBlock: 0 | 8 | 16, round: number): Promise<readonly Measured[]> {
  const engine = createOnnxEngine({ arena: board.arena, capabilities: { channelBlock }, blocksOf: graphOf });
  // The compiler of the JavaScript around the engine sees it run before anything counts.
  const often = { windowSeconds: 2e-4, leastWindows: 1000, mostWindows: 1000, stageSeconds: 1 };
  await measureStage(engine, await engine.load(specification(sourceOf('mlp', 1, 1, 4))), classes, often);
  const all: Measured[] = [];
  for (const source of shuffled(part === 'stages' ? stages() : singleBlocks(), round)) {
    all.push(...(await measure(engine, source, quota)));
    quota.leave();
  }
  await engine.dispose();
  return all;
}

/** A whole calibration, as `flotilla calibrate` runs it. */
async function timeCalibration(quota: Quota): Promise<number> {
  const predictor = await readPredictor();
  quota.enter();
  const start = performance.now();
  const measurer = await startMeasurer();
  try {
    await calibrate(measurer, {
      board: board.name,
      threads: board.threads,
      budgetSeconds: calibrationBudget - (performance.now() - start) / 1000,
      predictor: predictors.adaptive,
      model: predictor.model,
      blocks: Array.from({ length: blocksOf('mobilenetv2') }, (_, block) => sourceOf('mobilenetv2', block, block, 8)),
    });
    return Number(((performance.now() - start) / 1000).toFixed(1));
  } finally {
    quota.leave();
    await measurer.close();
  }
}

/** The rows of a recording with a round more. */
function addRound(rows: readonly RecordedRow[], measured: readonly Measured[]): readonly RecordedRow[] {
  const keyOf = ({ model, firstBlock, lastBlock, microBatch }: Source, pass: string) =>
    `${model} ${microBatch} ${firstBlock} ${lastBlock} ${pass}`;
  const all = new Map(rows.map((row) => [keyOf(row.source, row.pass), row]));
  for (const [source, pass, seconds] of measured) {
    const key = keyOf(source, pass);
    all.set(key, { source, pass, seconds: [...(all.get(key)?.seconds ?? []), seconds] });
  }
  return [...all.values()].sort(
    ({ source: a }, { source: b }) =>
      a.model.localeCompare(b.model) ||
      a.microBatch - b.microBatch ||
      a.firstBlock - b.firstBlock ||
      a.lastBlock - b.lastBlock,
  );
}

const start = performance.now();
const old: Recording | undefined = existsSync(file) ? parseRecording(readFileSync(file, 'utf8'), file) : undefined;
const channelBlock = board.layout === 'plain' ? 0 : (await probeCapabilities()).channelBlock;
const round = old?.rounds.filter((each) => each.part === part).length ?? 0;
let calibrationSeconds = old?.calibrationSeconds;
let measured: readonly Measured[] = [];
await withQuota(board.quota, (quota) =>
  withNeighbour(board.neighbour, quota, async () => {
    if (part === 'calibration') calibrationSeconds = await timeCalibration(quota);
    else measured = await measureAll(quota, channelBlock, round);
  }),
);
const recording: Recording = {
  board: board.name,
  channelBlock,
  engine: { name: 'onnxruntime', version: onnxRuntimeVersion },
  machine: `${cpus()[0]!.model}, ${availableParallelism()} cores, Node ${process.version}`,
  rounds: [
    ...(old?.rounds ?? []),
    {
      part,
      recorded: new Date().toISOString().slice(0, 16),
      commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
      seconds: Math.round((performance.now() - start) / 1000),
      loadAverage: Number(loadavg()[0]!.toFixed(2)),
    },
  ],
  ...(calibrationSeconds !== undefined && { calibrationSeconds }),
  rows: addRound(old?.rows ?? [], measured),
};
writeFileSync(file, formatRecording(recording));
console.error(`${boardName} ${part}: ${measured.length} times`);
