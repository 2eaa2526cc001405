import test from 'ava';
import {
  engineBaseBytes,
  explainPartition,
  type PartitionRequest,
  partition,
  uniformLinks,
} from '../../planner/index.ts';
import { aBoard, blocksOf, boardsOf, timed } from './examples.ts';

const links = uniformLinks({ bytesPerSecond: 1e9, latencySeconds: 1e-5 });

function explained(request: PartitionRequest): string {
  return explainPartition(request, partition(request)).join('\n');
}

test('a plan says who holds what, who waits for whom, and that there is no better one', (t) => {
  const blocks = blocksOf([4e6, 2e6, 2e6, 3e6]);
  const text = explained({ blocks, boards: timed(blocks, boardsOf([1e9, 1e9])), microBatches: 4, links });
  t.regex(text, /board0 holds blocks? .* of the work: busy .* of each .* step, idle \d+ %\./);
  t.regex(text, /The others wait for board[01], which computes the longest\./);
  t.regex(text, /board\d waits .* a step for board\d/);
  t.regex(text, /There is no better plan under this model of time/);
  t.regex(text, /One more board like board0, the fastest, would make it \d\.\d\d times as fast, on 3 boards\./);
});

test('a board that would slow the whole is left out with what it would cost', (t) => {
  const blocks = blocksOf([4e6, 4e6, 4e6]);
  const text = explained({ blocks, boards: timed(blocks, boardsOf([1e9, 1e6, 1e9])), microBatches: 4, links });
  t.regex(text, /board1 is left out: with it a step would take \d+\.\d\d times as long\./);
});

test('a board whose memory is too small is left out for that', (t) => {
  const blocks = blocksOf([4e6, 4e6, 4e6]);
  const boards = [aBoard({ id: 'a' }), aBoard({ id: 'b' }), aBoard({ id: 'tiny', memoryBytes: engineBaseBytes })];
  t.regex(explained({ blocks, boards: timed(blocks, boards), microBatches: 4, links }), /tiny is left out: its memory/);
});

test('boards beyond the blocks are left out for that', (t) => {
  const blocks = blocksOf([4e6, 4e6]);
  const text = explained({ blocks, boards: timed(blocks, boardsOf([1e9, 1e9, 1e9])), microBatches: 8, links });
  t.regex(text, /board2 is left out: .* there are no more blocks\./);
});
