import test from 'ava';
import { Journal } from './journal.ts';

test('a journal tells each fault in a line, and all by kind, with the one that was under way', (t) => {
  let now = 0;
  const journal = new Journal(5, () => now);
  journal.begins('a cut');
  now = 4_000;
  t.regex(journal.survived('a cut', 1.25, 0), /\d {2}4 s {2}a cut: 1\.3 s to the next step\. 1\/5, run 1$/);
  for (const seconds of [9, 3]) journal.survived('a cut', seconds, 1);
  journal.survived('a blow', 2, 1);
  t.regex(journal.begins('a blow'), /\d {2}4 s {2}a blow …$/);
  now = 40_000;
  const [head, ...rows] = journal.summary().map((line) => line.trim().split(/\s{2,}/));
  t.deepEqual(head, ['fault', 'count', 'median s', 'slowest s']);
  t.deepEqual(rows, [
    ['a blow', '1', '2.0', '2.0'],
    ['a cut', '3', '3.0', '9.0'],
    ['all', '4', '3.0', '9.0'],
    ['40 s in all'],
    ['under way: a blow, for 36 s'],
  ]);
});

test('a journal in which nothing has happened says so', (t) => {
  t.regex(new Journal().summary()[1]!, /all +0 +– +–/);
});
