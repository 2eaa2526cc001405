import test from 'ava';
import { buildModel, type Cuts, modelNames, splitIntoBlocks, stageOf, zoo } from '../../../models/index.ts';
import {
  blockTimesOf,
  blockWorks,
  predictors,
  probeNames,
  probeSource,
  stageWorks,
  worksOf,
} from '../../../planner/index.ts';
import { type Gaussian, predictLinear, updateLinear } from '../../../planner/predictor/adaptation/gaussian.ts';
import { nonNegativeLeastSquares } from '../../../planner/predictor/base/nonnegative.ts';
import { boost, sumOfTrees } from '../../../planner/predictor/base/trees.ts';
import { families, type Kind, kinds, positionOf } from '../../../planner/predictor/work/kinds.ts';
import { randomFrom } from '../../random.ts';
import { fleetModel } from './boards.ts';

const blocked = { capabilities: { channelBlock: 8 as const }, optimizerSlots: 1 };
const plain = { capabilities: { channelBlock: 0 as const }, optimizerSlots: 1 };

test('every kind of effort belongs to one family', (t) => {
  const all: readonly Kind[] = Object.values(families).flat();
  t.deepEqual([...all].sort(), [...kinds].sort());
});

for (const model of modelNames) {
  for (const [layout, options] of Object.entries({ blocked, plain })) {
    test(`${model}, ${layout}: every block asks for finite amounts, and twice the batch for no less`, (t) => {
      const worksAt = (batch: number) => {
        const { graph } = buildModel(model, { batch, classes: 10, inputShape: zoo[model].sample });
        return blockWorks(model, graph, splitIntoBlocks(graph), options).flat();
      };
      const [four, eight] = [worksAt(4), worksAt(8)];
      t.is(four.length, eight.length);
      for (const [index, work] of four.entries()) {
        t.true(
          work.amounts.every((amount) => Number.isFinite(amount) && amount >= 0),
          work.id,
        );
        t.true(
          work.amounts.some((amount) => amount > 0),
          work.id,
        );
        t.true(
          eight[index]!.amounts.every((amount, kind) => amount >= work.amounts[kind]!),
          work.id,
        );
      }
    });
  }
}

test('a stage asks for the effort of its blocks, less the borders between them', (t) => {
  const { graph } = buildModel('cifarnet', { batch: 4, classes: 10, inputShape: [3, 32, 32] });
  const blocks = splitIntoBlocks(graph);
  const single = blockWorks('cifarnet', graph, blocks, blocked);
  const [stage] = stageWorks('cifarnet/1-3', stageOf(graph, blocks, 1, 3), blocked);
  const sum = (kind: Kind) =>
    single.slice(1, 4).reduce((total, [forward]) => total + forward!.amounts[positionOf(kind)]!, 0);
  for (const kind of kinds.filter((each) => each.endsWith('flops'))) t.is(stage!.amounts[positionOf(kind)], sum(kind));
  t.is(stage!.amounts[positionOf('calls')], 1);
  t.true(stage!.amounts[positionOf('border bytes')]! < sum('border bytes'));
});

test('a block between double cuts is another work than the one of its number between single cuts', (t) => {
  const source = {
    model: 'resnet18',
    classes: 10,
    inputShape: [3, 32, 32],
    firstBlock: 2,
    lastBlock: 2,
    microBatch: 4,
  };
  const idOf = (cuts: { cuts?: Cuts }) => worksOf({ ...source, ...cuts }, blocked)[0]!.id;
  t.is(idOf({}), 'resnet18/2 forward 4');
  t.is(idOf({ cuts: 'single' }), idOf({}));
  t.is(idOf({ cuts: 'double' }), 'resnet18@double/2 forward 4');
});

test('packing is border: blocks in a residual block ask for what the whole block asks for, beside borders', (t) => {
  const { graph } = buildModel('resnet18', { batch: 4, classes: 10, inputShape: [3, 32, 32] });
  const [coarse, fine] = [splitIntoBlocks(graph), splitIntoBlocks(graph, 'double')];
  const border: readonly Kind[] = ['border bytes', 'output bytes', 'tensors', 'calls'];
  for (const pass of [0, 1]) {
    const whole = stageWorks('whole', stageOf(graph, coarse, 1, 1), blocked)[pass]!;
    const parts = [1, 2].map((block) => stageWorks('part', stageOf(graph, fine, block, block), blocked)[pass]!);
    const summed = (kind: Kind) => parts.reduce((total, part) => total + part.amounts[positionOf(kind)]!, 0);
    const differs = kinds.filter((kind) => summed(kind) !== whole.amounts[positionOf(kind)]);
    t.deepEqual(
      differs.filter((kind) => !border.includes(kind)),
      [],
    );
    t.true(summed('border bytes') > whole.amounts[positionOf('border bytes')]!);
  }
});

test('every probe is a work that can be lowered, forward and backward', (t) => {
  for (const name of probeNames) {
    t.deepEqual(
      worksOf(probeSource(name), blocked)
        .map(({ pass }) => pass)
        .slice(0, 2),
      ['forward', 'backward'],
    );
  }
});

test('block times are positive, and what a call costs is not in them', (t) => {
  const { adaptive } = predictors;
  const state = adaptive.start(fleetModel());
  const { graph } = buildModel('cifarnet', { batch: 8, classes: 10, inputShape: [3, 32, 32] });
  const works = blockWorks('cifarnet', graph, splitIntoBlocks(graph), blocked);
  const { blocks, callSeconds } = blockTimesOf(adaptive, state, works);
  t.is(blocks.length, works.length);
  t.true(callSeconds > 0);
  for (const [index, { forward, backward, update }] of blocks.entries()) {
    t.true(forward > 0 && backward > 0 && update >= 0);
    t.true(forward < adaptive.predict(state, works[index]![0]!).seconds);
  }
});

test('non-negative least squares finds the weights that made the targets, and none below zero', (t) => {
  const random = randomFrom(3);
  const rows = Array.from({ length: 60 }, () => Float64Array.from({ length: 5 }, random));
  const truth = [2, 0, 0.5, 0, 1];
  const targets = rows.map((row) => row.reduce((sum, value, index) => sum + value * truth[index]!, 0));
  const found = nonNegativeLeastSquares(rows, targets, { ridge: 1e-9 });
  t.true(found.every((value, index) => Math.abs(value - truth[index]!) < 1e-3));
  const below = nonNegativeLeastSquares(
    rows,
    rows.map((row) => -row[0]!),
  );
  t.true(below.every((value) => value === 0));
});

test('boosted trees learn steps that no line follows', (t) => {
  const random = randomFrom(4);
  const rows = Array.from({ length: 200 }, () => [random(), random()]);
  const step = ([a, b]: readonly number[]) => (a! > 0.5 ? 1 : 0) + (b! > 0.3 ? 0.5 : 0);
  const trees = boost(rows, rows.map(step), { trees: 60, depth: 2, rate: 0.2, leastSamples: 2, shrinkage: 0 });
  // thresholds are taken between some of the values only, so that a few rows beside a step are on its wrong side
  const near = rows.filter((row) => Math.abs(sumOfTrees(trees, row) - step(row)) < 0.2);
  t.true(near.length >= 0.95 * rows.length, `${near.length}`);
});

test('recursive least squares ends where ordinary least squares does, and gets surer', (t) => {
  const random = randomFrom(5);
  let state: Gaussian = { mean: new Float64Array(2), covariance: Float64Array.of(1e4, 0, 0, 1e4) };
  for (let count = 0; count < 50; count++) {
    const features = Float64Array.of(1, random());
    state = updateLinear(state, features, 3 - 2 * features[1]!, 1);
  }
  t.true(Math.abs(state.mean[0]! - 3) < 0.02 && Math.abs(state.mean[1]! + 2) < 0.02);
  t.true(predictLinear(state, Float64Array.of(1, 0.5)).variance < 0.1);
});
