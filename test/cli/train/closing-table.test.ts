import test from 'ava';
import { changeRows } from '../../../cli/train/closing-table.ts';

const lost = {
  term: 2,
  reason: 'board3 was lost',
  signature: 'lost',
  step: 20,
  fromStep: 15,
  at: 100,
  trainingAt: 103,
};
const moved = { term: 3, reason: 'board4 is there', signature: 'move', step: 40, fromStep: 40, at: 150 };

test('each change tells what was done again, what it cost, and what a step took before and after', (t) => {
  const recoveries = [
    { ...lost, caughtUpAt: 106.25 },
    { ...moved, trainingAt: 150.2, movedBytes: 2_500_000 },
  ];
  const stepSeconds = Array.from({ length: 60 }, (_, step) => (step < 20 ? 1 : step < 40 ? 2 : 0.5));
  const [header, first, second] = changeRows({ recoveries }, stepSeconds, 0);
  t.is(header!.length, first!.length);
  t.deepEqual(first, ['board3 was lost', '20', '5', '6.3 s', '–', '1.0 s', '2.0 s']);
  t.deepEqual(second, ['board4 is there', '40', '0', '0.2 s', '2.5 MB', '2.0 s', '0.50 s']);
});

test('a run without changes has no such table, and one that ended in the midst of a change says what it knows', (t) => {
  t.deepEqual(changeRows({ recoveries: [] }, [1, 2], 0), []);
  const { trainingAt: _, ...unfinished } = lost;
  const [, row] = changeRows({ recoveries: [{ ...unfinished, reason: 'x'.repeat(200) }] }, [], 0);
  t.deepEqual(row!.slice(1), ['20', '5', '–', '–', '–', '–']);
  t.is(row![0]!.length, 64);
});
