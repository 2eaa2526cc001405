import test from 'ava';
import { type Observation, predictors, stateOf, type Work, worksOf } from '../../../planner/index.ts';
import { fitRowEffects } from '../../../planner/predictor/base/rows.ts';
import { usualWithin } from '../../../planner/predictor/base/within.ts';
import { inRow, learnRow } from '../../../planner/predictor/predictors/rows.ts';
import { fleetModel, modelWorks } from './boards.ts';

const { adaptive } = predictors;
const model = fleetModel();
const unmeasured = adaptive.start(model).inner;

const forwards = (name: string) => modelWorks.filter(({ id, pass }) => id.startsWith(`${name}/`) && pass === 'forward');
const cifarnet = forwards('cifarnet');

/** What the parts take in a row, by what the predictor says of each alone; the row has its border once. */
function rowSeconds(state: typeof unmeasured, parts: readonly Work[]): number {
  const blocks = parts.map((work) => inRow(state, work, alone(work)));
  const once = blocks.reduce((sum, block) => sum + block.once, 0) / blocks.length;
  return blocks.reduce((sum, { interior }) => sum + interior, once);
}

const alone = (work: Work) => adaptive.predict(adaptive.start(model), work).seconds;

/** After the same row was seen to take `factor` times what its blocks add up to, so often. */
function after(factor: number, times: number) {
  const seconds = factor * rowSeconds(unmeasured, cifarnet.slice(0, 4));
  let state = unmeasured;
  for (let time = 0; time < times; time++) {
    state = { ...state, works: learnRow(state, cifarnet.slice(0, 4), cifarnet.slice(0, 4).map(alone), seconds) };
  }
  return state;
}

test('a row that takes longer than its blocks tells of the other rows of its model, and of no other model', (t) => {
  const state = after(1.2, 2);
  const ratio = (parts: readonly Work[]) => rowSeconds(state, parts) / rowSeconds(unmeasured, parts);
  t.true(ratio(cifarnet.slice(4)) > 1.04 && ratio(cifarnet.slice(4)) < 1.12, `${ratio(cifarnet.slice(4))}`);
  t.is(ratio(forwards('mlp')), 1);
  const update = modelWorks.find(({ id, pass }) => id.startsWith('cifarnet/') && pass === 'update')!;
  t.is(inRow(state, update, 1).interior, 1);
});

test('what the rows of a model take on all boards is expected of the next, by pass; a model that no board computed is as its sum', (t) => {
  const goneSeconds = { call: 0, layout: 0 };
  const part = (rows: string, pass: 'forward' | 'backward') => ({ pass, rows, blockSeconds: 1, goneSeconds });
  const forward = part('cifarnet forward', 'forward');
  const backward = part('cifarnet backward', 'backward');
  const seenBy = (boards: number) =>
    fitRowEffects(
      Array.from({ length: boards }, (_, board) => [
        { board, stage: { seconds: 0.8, parts: [backward] } },
        { board, stage: { seconds: 3, parts: [forward, backward] } },
      ]).flat(),
      usualWithin,
    );
  const effect = (boards: number) => seenBy(boards).get('cifarnet backward')! / Math.log(0.8);
  t.true(effect(100) > 0.9 && effect(100) <= 1);
  t.true(effect(1) < 0.5);
  t.deepEqual([...seenBy(8).keys()], ['cifarnet backward']);

  const known = { ...unmeasured, model: { ...model, rows: seenBy(8) } };
  const interior = (state: typeof unmeasured, work: Work) => inRow(state, work, 1).interior;
  const ratios = modelWorks.map((work) => interior(known, work) / interior(unmeasured, work));
  for (const [index, { id, pass }] of modelWorks.entries()) {
    const slower = id.startsWith('cifarnet/') && pass === 'backward';
    t.true(slower ? ratios[index]! < 0.9 : ratios[index] === 1, id);
  }
});

test('rows are believed the more the more were measured, and one that is absurd moves little', (t) => {
  const moved = (factor: number, times: number) =>
    Math.log(rowSeconds(after(factor, times), cifarnet) / rowSeconds(unmeasured, cifarnet)) / Math.log(factor);
  t.true(moved(1.2, 20) > 0.7 && moved(1.2, 20) < 1, `${moved(1.2, 20)}`);
  t.true(moved(1.2, 1) < 0.3);
  t.true(Math.abs(moved(20, 1) * Math.log(20)) < 0.07);
});

test('the rows of a profile are learned from, beside what they say as one program', (t) => {
  const source = {
    model: 'cifarnet',
    classes: 10,
    inputShape: [3, 32, 32],
    firstBlock: 0,
    lastBlock: 3,
    microBatch: 8,
  };
  const [work] = worksOf(source, { capabilities: { channelBlock: 8 }, optimizerSlots: 1 });
  const parts = cifarnet.slice(0, 4);
  const observed = (observation: Observation) => adaptive.observe(adaptive.start(model), observation).state.inner;
  const seconds = 1.2 * rowSeconds(unmeasured, parts);
  const expected = observed({ work: work!, seconds, parts });
  const profile = stateOf(adaptive, model, {
    board: 'pi-1',
    engine: { name: 'onnxruntime', version: '1.30.0' },
    channelBlock: 8,
    threads: 1,
    copyBytesPerSecond: 5e9,
    measuredAt: '2026-01-01T00:00:00Z',
    seconds: 1,
    ended: 'complete',
    measurements: [{ ...source, pass: 'forward', threads: 1, seconds, spread: 0 }],
  });
  t.deepEqual(profile.inner.works, expected.works);
  t.notDeepEqual(expected.works, observed({ work: work!, seconds }).works);
});
