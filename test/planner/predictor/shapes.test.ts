import test from 'ava';
import { fitModel, predictors, type Work } from '../../../planner/index.ts';
import { effectOf, fitShapeEffects, isKnownShape } from '../../../planner/predictor/base/shapes.ts';
import { fitWithin, type StageSum, splitAlone, usualWithin } from '../../../planner/predictor/base/within.ts';
import { shapeOf } from '../../../planner/predictor/work/shape.ts';
import { fleet, modelWorks, samplesOn, trueSeconds } from './boards.ts';

const [first, second] = modelWorks as [Work, Work];

test('a shape is the same at any micro-batch and under any name', (t) => {
  const other: Work = { ...first, id: 'mine/7 forward 32', microBatch: 32, amounts: first.amounts.slice() };
  t.is(shapeOf(other), shapeOf(first));
  t.not(shapeOf(second), shapeOf(first));
});

test('what boards agree on beyond the amounts is nearly believed, what one board says is not', (t) => {
  const seenBy = (boards: number) => effectOf(fitShapeEffects([{ work: first, log: 1, boards }]), first);
  t.true(seenBy(100) > 0.9 && seenBy(100) <= 1);
  t.true(seenBy(1) < 0.5);
  const effects = fitShapeEffects([{ work: first, log: 1, boards: 8 }]);
  t.is(effectOf(effects, second), 0);
  t.true(isKnownShape(effects, first) && !isKnownShape(effects, second));
});

test('one block that is slow on all boards is known to be slow on the next, and nothing else is', (t) => {
  const slow = modelWorks.find(({ id }) => id.startsWith('cifarnet/2 forward'))!;
  const samplesOf = (index: number, factor: number) => {
    const { board, samples } = samplesOn(fleet[index]!, index);
    return {
      board,
      samples: samples.map((sample) =>
        sample.work.id === slow.id ? { ...sample, seconds: factor * sample.seconds } : sample,
      ),
    };
  };
  const { adaptive } = predictors;
  const predicted = (factor: number, work: Work) => {
    const model = fitModel(fleet.map((_, index) => samplesOf(index, factor)));
    return adaptive.predict(adaptive.start(model), work).seconds;
  };
  const ratio = predicted(2, slow) / predicted(1, slow);
  t.true(ratio > 1.4, `${ratio}`);
  const others = modelWorks.filter(({ id }) => id.startsWith('harcnn'));
  for (const work of others) t.true(Math.abs(predicted(2, work) / predicted(1, work) - 1) < 0.25, work.id);
});

test('a shape that no board was seen to compute is less certain', (t) => {
  const samples = fleet.map((board, index) => samplesOn(board, index));
  const without = samples.map((board) => ({
    ...board,
    samples: board.samples.filter(({ work }) => shapeOf(work) !== shapeOf(first)),
  }));
  const { adaptive } = predictors;
  const deviation = (of: typeof samples) => adaptive.predict(adaptive.start(fitModel(of)), first).relativeDeviation;
  t.true(deviation(without) > deviation(samples));
  t.true(trueSeconds(fleet[0]!, first) > 0);
});

const withinFound = { border: { forward: 1.3, backward: 1.6 }, rest: 0.9 };

/** Stages of which the border has a part; one of them was measured five times too long. */
const stagesWith = (layoutShare: number): readonly StageSum[] =>
  Array.from({ length: 60 }, (_, index) => {
    const parts = (['forward', 'backward'] as const).slice(index % 2).map((pass) => {
      const blockSeconds = 1 + index;
      const layout = blockSeconds * layoutShare * ((index * 7) % 5);
      return { pass, rows: `cifarnet ${pass}`, blockSeconds, goneSeconds: { call: 0.1 * blockSeconds, layout } };
    });
    const { border, rest } = withinFound;
    const seconds = parts.reduce(
      (sum, { pass, blockSeconds, goneSeconds: { call, layout } }) =>
        sum + rest * (blockSeconds - call - border[pass] * layout),
      0,
    );
    return { seconds: index === 3 ? 5 * seconds : seconds, parts };
  });

test('how blocks add up to stages is found again', (t) => {
  const found = fitWithin(stagesWith(0.1));
  t.true(Math.abs(found.rest - withinFound.rest) < 0.03, `${found.rest}`);
  for (const pass of ['forward', 'backward'] as const) {
    t.true(Math.abs(found.border[pass] - withinFound.border[pass]) < 0.1, `${pass} ${found.border[pass]}`);
  }
  t.deepEqual(fitWithin([]), usualWithin);
});

test('a border that hardly shows in the stages is taken to cost what it costs', (t) => {
  const { border, rest } = fitWithin(stagesWith(1e-4));
  t.true(Math.abs(rest - withinFound.rest) < 0.03, `${rest}`);
  for (const pass of ['forward', 'backward'] as const) t.true(Math.abs(rest * border[pass] - 1) < 0.05, pass);
});

test("a block's time is never all border, and an update has none", (t) => {
  const within = { border: { forward: 2, backward: 1 }, rest: 1 };
  const border = { call: 0.1, layout: 0.8 };
  t.true(splitAlone(within, 'forward', 1, border).interior >= 0.1 - 1e-12);
  t.true(Math.abs(splitAlone(within, 'backward', 1, border).once - 0.9) < 1e-12);
  t.deepEqual(splitAlone(within, 'update', 1, border), { interior: 1, once: 0 });
});

test('what some boards are better at is found as a pattern, and a few measurements show that a new board has it', (t) => {
  const helped = (work: Work) => work.id.includes('forward') && Number(/\/(\d+)/.exec(work.id)![1]) % 2 === 0;
  const samplesOf = (index: number) => {
    const { board, samples } = samplesOn(fleet[index]!, index);
    const factor = (work: Work) => (index % 2 === 0 && helped(work) ? 0.5 : 1);
    return { board, samples: samples.map((sample) => ({ ...sample, seconds: factor(sample.work) * sample.seconds })) };
  };
  const boards = fleet.map((_, index) => samplesOf(index));
  const model = fitModel(boards.slice(1));
  const { adaptive } = predictors;
  const [seen, hidden] = [true, false].map((even) =>
    boards[0]!.samples.filter(({ work }) => work.id.startsWith('cifarnet') === even),
  );
  const state = seen!.reduce((known, sample) => adaptive.observe(known, sample).state, adaptive.start(model));
  const errors = hidden!
    .filter(({ work }) => helped(work))
    .map(({ work, seconds }) => Math.abs(adaptive.predict(state, work).seconds / seconds - 1));
  t.true(errors.length > 2);
  t.true(errors.toSorted((a, b) => a - b)[errors.length >> 1]! < 0.15, errors.join(' '));
});
