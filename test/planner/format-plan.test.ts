import test from 'ava';
import { formatPlan, partition } from '../../planner/index.ts';
import { aPlan, blocksOf, boardsOf, timed } from './examples.ts';

test('a plan prints who holds what, and who waits for whom', (t) => {
  t.is(
    formatPlan(aPlan()),
    [
      'Plan 1 of run demo: cifarnet, 5 blocks on 3 boards',
      'A step is 64 samples as 4 micro-batches of 16, scheduled by 1f1b.',
      '  stage  board   blocks  work  a step  memory',
      '  0      board0  0       33 %   17 ms  118 MB',
      '  1      board1  1 to 3  58 %   31 ms  129 MB',
      '  2      board2  4        8 %   10 ms  116 MB',
      'The others wait for board1 (stage 1), which computes 31 ms a step.',
    ].join('\n'),
  );
});

test('a plan of one board speaks of one board and waits for nobody', (t) => {
  const blocks = blocksOf([1e6]);
  const single = partition({ blocks, boards: timed(blocks, boardsOf([1e9])), microBatches: 1 });
  const text = formatPlan(aPlan({ partition: single, microBatches: 1, batch: 1 }));
  t.regex(text, /1 block on 1 board\n/);
  t.regex(text, /1 sample as 1 micro-batch of 1,/);
  t.notRegex(text, /wait/);
});
