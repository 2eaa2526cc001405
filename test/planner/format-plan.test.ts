import test from 'ava';
import { formatPlan, partition } from '../../planner/index.ts';
import { aPlan, blocksOf, boardsOf } from './examples.ts';

test('a plan prints who holds what, and who waits for whom', (t) => {
  t.is(
    formatPlan(aPlan()),
    [
      'Plan 1 of run demo: cifarnet, 5 blocks on 3 boards',
      'A step is 64 samples as 4 micro-batches of 16, scheduled by 1f1b.',
      '  stage  board   blocks  work  a step  memory',
      '  0      board0  0 to 1  50 %   24 ms  125 MB',
      '  1      board1  2 to 3  42 %   20 ms  123 MB',
      '  2      board2  4        8 %  8.0 ms  116 MB',
      'The others wait for board0 (stage 0), which computes 24 ms a step.',
    ].join('\n'),
  );
});

test('a plan of one board speaks of one board and waits for nobody', (t) => {
  const single = partition({ blocks: blocksOf([1e6]), boards: boardsOf([1e9]), microBatches: 1 });
  const text = formatPlan(aPlan({ partition: single, microBatches: 1, batch: 1 }));
  t.regex(text, /1 block on 1 board\n/);
  t.regex(text, /1 sample as 1 micro-batch of 1,/);
  t.notRegex(text, /wait/);
});
