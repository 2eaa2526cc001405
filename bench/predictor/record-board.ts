import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { measureStage, run, windows } from '../../agent/calibration/measure.ts';
import { probeCapabilities } from '../../agent/engine/onnx-runtime.ts';
import { createOnnxEngine, onnxRuntimeVersion, type StageSpecification } from '../../agent/index.ts';
import { buildModel, modelNames, randomStream, splitIntoBlocks, zoo } from '../../models/index.ts';
import { type ProbeName, probeBatch, probeBlock, probeGraph, probeNames } from '../../planner/predictor/probes.ts';
import { boards, type EmulatedBoard } from './boards.ts';
import { withNeighbour } from './neighbour.ts';
import { withQuota } from './quota.ts';

// Records one emulated board: `node bench/predictor/record-board.ts BOARD FILE blocks|stages`. A file may be recorded
// into several times: each time adds a round, with the stages in another order, so that a disturbance of the machine
// does not fall on the same stages again.

const microBatches = [4, 16];
const stageMicroBatch = 8;

type Row = readonly [
  model: string,
  first: number,
  last: number,
  batch: number,
  pass: string,
  seconds: readonly number[],
];
type Work = readonly [model: string, first: number, last: number, batch: number, fused: boolean];

const [boardName, file, part = 'blocks'] = process.argv.slice(2);
const board: EmulatedBoard = boards.find(({ name }) => name === boardName)!;
const old = existsSync(file!) ? JSON.parse(readFileSync(file!, 'utf8')) : { rounds: [] };
/** Whether the board gets its processor in slices: then a measurement is a window of several of them, else a call. */
const sliced = board.quota !== undefined || board.neighbour === 'sameCore';
const windowSeconds = sliced ? Math.max(0.06, 0.012 / (board.quota ?? 0.5)) : 2e-4;
const options = sliced
  ? { windowSeconds, leastWindows: 2, mostWindows: 4, stageSeconds: 4 * windowSeconds }
  : { windowSeconds, leastWindows: 5, mostWindows: 100, stageSeconds: 0.1 };
const channelBlock = board.layout === 'plain' ? 0 : (await probeCapabilities()).channelBlock;
const engine = createOnnxEngine({
  arena: board.arena,
  capabilities: { channelBlock },
  blocksOf: ({ model, classes, inputShape, microBatch }) => {
    if (model.startsWith('probe/')) return probeGraph(model.slice('probe/'.length) as ProbeName);
    const { graph } = buildModel(model, { batch: microBatch, classes, inputShape });
    return { graph, blocks: splitIntoBlocks(graph) };
  },
});

function specification([model, firstBlock, lastBlock, microBatch, fused]: Work): StageSpecification {
  return {
    model,
    classes: 10,
    inputShape: model.startsWith('probe/') ? [] : [...zoo[model as keyof typeof zoo].sample],
    microBatch,
    microBatches: 4,
    firstBlock,
    lastBlock,
    fused,
    optimizer: { name: 'sgd', options: { momentum: 0.9, weightDecay: 1e-4 } },
    seed: 1,
    threads: board.threads,
  };
}

function quantile(values: readonly number[], share: number): number {
  return Number(values.toSorted((a, b) => a - b)[Math.round(share * (values.length - 1))]!.toPrecision(4));
}

function mean(values: readonly number[]): number {
  return Number((values.reduce((sum, value) => sum + value, 0) / values.length).toPrecision(4));
}

function blockCount(model: keyof typeof zoo): number {
  return splitIntoBlocks(buildModel(model, { batch: 1, classes: 10, inputShape: zoo[model].sample }).graph).length;
}

function blockWorks(): Work[] {
  const ofProbes = probeNames.map((name): Work => [`probe/${name}`, probeBlock, probeBlock, probeBatch, false]);
  const ofModels = modelNames.flatMap((model) =>
    microBatches.flatMap((batch) =>
      Array.from({ length: blockCount(model) }, (_, block): Work => [model, block, block, batch, false]),
    ),
  );
  return [...ofProbes, ...ofModels];
}

/** Halves and thirds of each model, and each model whole, forward and backward as one. */
function stageWorks(): Work[] {
  return modelNames.flatMap((model) => {
    const count = blockCount(model);
    const parts = [2, 3].flatMap((pieces) =>
      Array.from({ length: pieces }, (_, index): Work => {
        const [first, end] = [index, index + 1].map((at) => Math.round((at * count) / pieces)) as [number, number];
        return [model, first, end - 1, stageMicroBatch, false];
      }),
    );
    return [...parts.filter(([, first, last]) => last > first), [model, 0, count - 1, stageMicroBatch, true] as Work];
  });
}

function shuffled(works: Work[]): Work[] {
  const random = randomStream(old.rounds.length, 'order', part);
  return works
    .map((work) => [random.uniform(), work] as const)
    .sort(([a], [b]) => a - b)
    .map(([, work]) => work);
}

/** The compiler of the JavaScript around the engine has seen it run. */
async function warmUp(): Promise<void> {
  const spec = specification(['mlp', 1, 1, 4, false]);
  await measureStage(engine, await engine.load(spec), spec.classes, {
    ...options,
    windowSeconds: 2e-4,
    leastWindows: 1000,
    mostWindows: 1000,
  });
}

const start = performance.now();
const rows: Row[] = [];
await withQuota(board.quota, (quota) =>
  withNeighbour(board.neighbour, quota, async () => {
    await warmUp();
    for (const work of shuffled(part === 'blocks' ? blockWorks() : stageWorks())) {
      const [model, first, last, batch, fused] = work;
      const spec = specification(work);
      const stage = await engine.load(spec);
      const add = (pass: string, seconds: readonly number[]) =>
        rows.push([
          model,
          first,
          last,
          batch,
          pass,
          [...[0.1, 0.25, 0.5].map((share) => quantile(seconds, share)), mean(seconds)],
        ]);
      if (fused) {
        const input = new Float32Array(stage.inputShape.reduce((a, b) => a * b, 1)).map((_, index) => Math.sin(index));
        const labels = Int32Array.from({ length: batch }, (_, index) => index);
        let step = 0;
        const call = async () => (await engine.forwardBackward({ step: step++, microBatch: 0 }, input, labels)).seconds;
        await call();
        quota.enter();
        const taken = await windows(options, async () => [await run(call, options)]);
        add(
          'forwardBackward',
          taken.map(([own]) => own!.mean),
        );
      } else {
        const seconds = await measureStage(engine, stage, spec.classes, { ...options, warmedUp: () => quota.enter() });
        for (const pass of ['forward', 'backward', 'update'] as const) {
          if (pass !== 'update' || stage.parameters.length > 0) add(pass, seconds[pass]);
        }
      }
      quota.leave();
    }
  }),
);
await engine.dispose();

const seconds = Math.round((performance.now() - start) / 1000);
const round = {
  part,
  date: new Date().toISOString().slice(0, 16),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  loadAverage: loadavg()[0],
  seconds,
  rows,
};
const recording = {
  version: 1,
  board,
  channelBlock,
  machine: { cpu: cpus()[0]!.model, cores: availableParallelism(), node: process.version },
  engine: { name: 'onnxruntime', version: onnxRuntimeVersion },
  rounds: [...old.rounds, round],
};
writeFileSync(file!, `${JSON.stringify(recording).replaceAll('],["', '],\n["')}\n`);
console.error(`${boardName} ${part}: ${rows.length} rows, ${seconds} s`);
