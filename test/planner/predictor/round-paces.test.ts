import test from 'ava';
import { randomStream } from '../../../models/index.ts';
import { roundPaces } from '../../../planner/predictor/round-paces.ts';
import { mean } from '../../../planner/statistics.ts';

/** The second round is slow for short works and hardly for long ones, the third a third faster for all. */
const slower = (log: number) => [0, -0.3 - 0.05 * log, -0.35];

const logs = Array.from({ length: 90 }, (_, index) => -10 + index / 10);

test('the pace of a round is found by how long a work takes, whatever some works do', (t) => {
  const random = randomStream(7, 'paces');
  const works = logs.map((log, index) =>
    slower(log).map((pace, round) => log + pace + 0.02 * random.uniform() + (index % 8 === round ? 1 : 0)),
  );
  const paces = roundPaces(works);
  for (const log of [-10, -6, -2]) {
    const usual = mean(slower(log));
    for (const [round, pace] of paces(log).entries()) {
      t.true(Math.abs(pace - (slower(log)[round]! - usual)) < 0.05, `${log} ${round}: ${pace}`);
    }
  }
});

test('works of one time, or few of them, give one pace for all', (t) => {
  for (const works of [
    logs.map(() => [-5, -4.8, -5.4]),
    [
      [-5, -4.8, -5.4],
      [-4, -3.8, -4.4],
    ],
  ]) {
    const paces = roundPaces(works);
    for (const log of [-9, -1]) {
      for (const [round, pace] of paces(log).entries())
        t.true(Math.abs(pace - [0.2 / 3, 0.8 / 3, -1 / 3][round]!) < 1e-9);
    }
  }
  t.deepEqual(roundPaces([[-3]])(-3), [0]);
});
