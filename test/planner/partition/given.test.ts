import test from 'ava';
import { partitionOfSplit, timesFromFlops } from '../../../planner/index.ts';

const block = (flops: number) => ({
  name: `block of ${flops}`,
  forwardFlops: flops,
  backwardFlops: 0,
  parameterBytes: 0,
  optimizerBytes: 0,
  stashBytesPerMicroBatch: 0,
  workspaceBytes: 1e6,
  outputBytes: 4,
});
const blocks = [1, 2, 3, 4].map(block);
const board = (id: string, memoryBytes = 1e9) => timesFromFlops({ id, flopsPerSecond: 1, memoryBytes }, blocks);

const request = { blocks, boards: [board('a'), board('b')], microBatches: 2 };
const split = (...counts: number[]) => counts.map((count, index) => ({ board: 'ab'[index]!, blocks: count }));

test('a split that is asked for is kept, however uneven', (t) => {
  const { stages } = partitionOfSplit(request, split(1, 3));
  t.deepEqual(
    stages.map(({ board: id, firstBlock, lastBlock, predictedSeconds }) => [
      id,
      firstBlock,
      lastBlock,
      predictedSeconds,
    ]),
    [
      ['a', 0, 0, 2],
      ['b', 1, 3, 18],
    ],
  );
});

for (const counts of [[2], [0, 4], [4, 0], [3, -1], [1, 2], [1, 4], [1.5, 2.5]]) {
  test(`a split into ${counts} does not share four blocks among two boards`, (t) => {
    const given = split(...counts);

    t.throws(() => partitionOfSplit(request, given), { code: 'PARTITION_INPUT' });
  });
}

test('a split that does not fit names the board that is full', (t) => {
  const boards = [board('a'), board('b', 1e6)];
  t.throws(() => partitionOfSplit({ ...request, boards }, split(1, 3)), { code: 'PARTITION_MEMORY', message: /'b'/ });
});
