import test from 'ava';
import { oracleRate, statesWithout } from '../../../bench/adapt/oracle.ts';
import { eventsOf, levels, MOST_CORES, stateOf, staysOf, wander } from '../../../bench/adapt/wander.ts';

const first = [0.6, 0.4, 0.2];
const hour = 3600;

test('quotas go one level up or down, one board every 20 to 40 s, and the machine is never asked for more than it has', (t) => {
  const { changes } = wander(first, hour, 1);
  t.true(changes.length > hour / 40 - 1 && changes.length < hour / 20);
  let [quotas, before] = [first, 0];
  for (const { at, board, quota } of changes) {
    t.true(at - before >= 20 && at - before <= 40);
    const [from, to] = [quotas[board]!, quota].map((each) => levels.indexOf(each));
    t.is(Math.abs(from! - to!), 1);
    quotas = quotas.with(board, quota);
    t.true(quotas.reduce((sum, each) => sum + each, 0) <= MOST_CORES + 1e-9);
    before = at;
  }
  t.true(before < hour);
});

test('every board wanders, over all levels', (t) => {
  const { changes } = wander(first, hour, 1);
  const seen = new Set(changes.map(({ board, quota }) => `${board} ${quota}`));
  t.is(seen.size, first.length * levels.length);
});

test('a seed is a wander, and a longer one begins like a shorter one', (t) => {
  const { changes } = wander(first, 600, 3);
  t.deepEqual(wander(first, hour, 3).changes.slice(0, changes.length), changes);
  t.notDeepEqual(wander(first, 600, 4).changes, changes);
});

const example = {
  first,
  changes: [
    { at: 30, board: 1, quota: 0.2 },
    { at: 50, board: 0, quota: 0.4 },
  ],
};

test('stays last until the next change, the last one to the end', (t) => {
  t.deepEqual(staysOf(example, 100), [
    { quotas: [0.6, 0.4, 0.2], seconds: 30 },
    { quotas: [0.6, 0.2, 0.2], seconds: 20 },
    { quotas: [0.4, 0.2, 0.2], seconds: 50 },
  ]);
  t.deepEqual(
    staysOf(example, 40).map(({ seconds }) => seconds),
    [30, 10],
  );
});

test('changes are events of a scenario', (t) => {
  t.deepEqual(eventsOf(example, ['a', 'b', 'c'])[0], '{ after: 30 s of training, board: b, event: quota, quota: 0.2 }');
});

test('the oracle trains at the rate of each state for as long as it lasts', (t) => {
  const rates = new Map([
    ['0.6/0.4/0.2', 30],
    ['0.6/0.2/0.2', 20],
    ['0.4/0.2/0.2', 10],
  ]);
  t.is(oracleRate(staysOf(example, 100), rates), (30 * 30 + 20 * 20 + 50 * 10) / 100);
  t.throws(() => oracleRate(staysOf(example, 100), new Map()), { message: /0.6\/0.4\/0.2/ });
});

test('a state is asked for once, whichever boards have its quotas', (t) => {
  const stays = [
    { quotas: [0.2, 0.4, 0.2], seconds: 1 },
    { quotas: [0.4, 0.2, 0.2], seconds: 1 },
    { quotas: [0.6, 0.2, 0.2], seconds: 1 },
  ];
  t.deepEqual(statesWithout(stays, new Map([[stateOf([0.2, 0.2, 0.6]), 5]])), [[0.4, 0.2, 0.2]]);
});
