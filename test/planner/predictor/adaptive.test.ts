import test from 'ava';
import { afterProbe, chooseTrials, learnAll, predictors, relativeErrors } from '../../../planner/index.ts';
import { aBoardLike, fleetModel, modelWorks, normalNumbers, trialsOn, trueSeconds } from './boards.ts';

const { adaptive, scalar } = predictors;
const model = fleetModel();
const board = aBoardLike({ secondsPerFlop: 4e-10, secondsPerByte: 2.5e-9, secondsPerCall: 8e-5 });
const trials = trialsOn(board, 5);
const probed = afterProbe(adaptive, model, trials);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test('a board of another balance is known within a few percent after the probe and ten blocks', (t) => {
  const chosen = chooseTrials(adaptive, probed, trials.blocks, 10);
  const error = mean(relativeErrors(adaptive, learnAll(adaptive, probed, chosen), trials.blocks));
  t.true(error < 0.08, `${error}`);
  const one = mean(relativeErrors(scalar, learnAll(scalar, afterProbe(scalar, model, trials), chosen), trials.blocks));
  t.true(error < one / 2, `${error} against ${one} of one factor a board`);
});

test('a board that is throttled to half its speed is followed within ten measurements', (t) => {
  let state = learnAll(adaptive, probed, trials.blocks);
  const slow = { ...board, secondsPerFlop: 2 * board.secondsPerFlop, secondsPerByte: 2 * board.secondsPerByte };
  const slower = { ...slow, secondsPerCall: 2 * board.secondsPerCall };
  const normal = normalNumbers(9);
  const errors = () =>
    mean(modelWorks.map((work) => Math.abs(adaptive.predict(state, work).seconds / trueSeconds(slower, work) - 1)));
  t.true(errors() > 0.4);
  for (const work of modelWorks.slice(0, 10)) {
    const seconds = trueSeconds(slower, work) * Math.exp(0.03 * normal());
    state = adaptive.observe(state, { work, seconds }).state;
  }
  t.true(errors() < 0.1, `${errors()}`);
});

test('a single slow measurement, as beside a collection of garbage, moves little', (t) => {
  const state = learnAll(adaptive, probed, trials.blocks);
  const [work, other] = modelWorks as [(typeof modelWorks)[number], (typeof modelWorks)[number]];
  const before = adaptive.predict(state, other).seconds;
  const observed = adaptive.observe(state, { work, seconds: 4 * adaptive.predict(state, work).seconds });
  t.true(observed.learned);
  const after = adaptive.predict(observed.state, other).seconds;
  t.true(Math.abs(after / before - 1) < 0.05, `${after / before}`);
});

test('what has been measured often is predicted as it was measured, and more surely', (t) => {
  const work = modelWorks[4]!;
  const odd = 1.5 * trueSeconds(board, work);
  let state = probed;
  const before = adaptive.predict(state, work).relativeDeviation;
  for (let count = 0; count < 12; count++) state = adaptive.observe(state, { work, seconds: odd }).state;
  const { seconds, relativeDeviation } = adaptive.predict(state, work);
  t.true(Math.abs(seconds / odd - 1) < 0.1, `${seconds / odd}`);
  t.true(relativeDeviation < before);
});

test('the uncertainty covers the errors: two thirds lie within one deviation, nearly all within three', (t) => {
  const chosen = chooseTrials(adaptive, probed, trials.blocks, 10);
  const state = learnAll(adaptive, probed, chosen);
  const within = (deviations: number) =>
    mean(
      trials.blocks.map(({ work, measured }) => {
        const { seconds, relativeDeviation } = adaptive.predict(state, work);
        return Math.abs(Math.log(measured / seconds)) <= deviations * relativeDeviation ? 1 : 0;
      }),
    );
  t.true(within(1) > 0.5, `${within(1)}`);
  t.true(within(3) > 0.9, `${within(3)}`);
});

test('a lower frequency and other load lengthen the prediction, and what is learned meanwhile is not the board', (t) => {
  const work = modelWorks.find(({ id }) => id.startsWith('cifarnet/3 forward'))!;
  const usual = adaptive.predict(probed, work).seconds;
  const slow = adaptive.predict(probed, work, { frequencyRatio: 0.5 }).seconds;
  t.true(slow > 1.2 * usual && slow <= 2 * usual, `${slow / usual}`);
  const loaded = adaptive.predict(probed, work, { otherLoad: 0.5 }).seconds;
  t.true(Math.abs(loaded / usual - 2) < 1e-6);
  const { state } = adaptive.observe(probed, { work, seconds: slow, conditions: { frequencyRatio: 0.5 } });
  t.true(Math.abs(adaptive.predict(state, work).seconds / usual - 1) < 0.01);
});
