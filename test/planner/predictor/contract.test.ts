import test from 'ava';
import { afterProbe, learnAll, type Predictor, predictorNamed, predictorNames } from '../../../planner/index.ts';
import { aBoardLike, fleetModel, modelWorks, trialsOn } from './boards.ts';

/** What holds for every predictor, whatever it knows. */
const model = fleetModel();
const stranger = trialsOn(aBoardLike({ secondsPerFlop: 4e-10, secondsPerByte: 2e-9, secondsPerCall: 8e-5 }), 77);
const [work] = modelWorks as [(typeof modelWorks)[number]];

const meanError = (predictor: Predictor<unknown>, state: unknown) => {
  const errors = stranger.blocks.map((trial) =>
    Math.abs(Math.log(predictor.predict(state, trial.work).seconds / trial.seconds)),
  );
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
};

for (const name of predictorNames) {
  const predictor = predictorNamed(name);
  const started = afterProbe(predictor, model, stranger);

  test(`${name}: a time is positive and finite, before and after measurements`, (t) => {
    for (const state of [predictor.start(model), started]) {
      for (const each of modelWorks) {
        const { seconds, relativeDeviation } = predictor.predict(state, each);
        t.true(Number.isFinite(seconds) && seconds > 0, each.id);
        t.true(Number.isFinite(relativeDeviation) && relativeDeviation >= 0, each.id);
      }
    }
  });

  test(`${name}: to observe changes no state that was there, and to predict changes none`, (t) => {
    const before = predictor.predict(started, work);
    const { state } = predictor.observe(started, { work, seconds: 3 * before.seconds });
    t.deepEqual(predictor.predict(started, work), before);
    t.deepEqual(predictor.predict(state, work), predictor.predict(state, work));
    t.notDeepEqual(predictor.predict(state, work), before);
  });

  test(`${name}: measurements of a board that it does not know bring it nearer to the truth`, (t) => {
    const after = learnAll(predictor, started, stranger.blocks);
    t.true(meanError(predictor, after) < meanError(predictor, predictor.start(model)));
  });

  for (const seconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    test(`${name}: a time of ${seconds} s is not learned from, and this is said`, (t) => {
      const observed = predictor.observe(started, { work, seconds });
      t.like(observed, { learned: false, reason: 'notPositive' });
      t.deepEqual(predictor.predict(observed.state, work), predictor.predict(started, work));
    });
  }

  test(`${name}: a time a hundred times its neighbours' is not learned from, and this is said`, (t) => {
    for (const factor of [100, 1 / 100]) {
      const { seconds } = predictor.predict(started, work);
      const near = learnAll(
        predictor,
        started,
        [1, 1, 1].map(() => ({ work, seconds, measured: seconds })),
      );
      const expected = predictor.predict(near, work);
      const observed = predictor.observe(near, { work, seconds: factor * expected.seconds });
      t.like(observed, { learned: false, reason: 'farFromNeighbours' });
      t.deepEqual(predictor.predict(observed.state, work), expected);
    }
  });

  test(`${name}: a board that goes on to measure the far value has really changed`, (t) => {
    let state = started;
    const far = 100 * predictor.predict(state, work).seconds;
    for (let count = 0; count < 120; count++) state = predictor.observe(state, { work, seconds: far }).state;
    const { seconds } = predictor.predict(state, work);
    t.true(Math.abs(Math.log(seconds / far)) < 0.7, `${seconds} s, not ${far}`);
  });

  test(`${name}: a time longer than the board's clock went on is not learned from`, (t) => {
    const { seconds } = predictor.predict(started, work);
    const first = predictor.observe(started, { work, seconds, at: 100 });
    t.true(first.learned);
    const backwards = predictor.observe(first.state, { work, seconds, at: 40 });
    t.like(backwards, { learned: false, reason: 'clockJumped' });
    t.true(predictor.observe(backwards.state, { work, seconds, at: 40 + 2 * seconds + 0.01 }).learned);
  });
}

test('there is no predictor of an unknown name', (t) => {
  t.throws(() => predictorNamed('oracle'), { message: /'oracle'.*adaptive, scalar, roofline, flops/ });
});
