import test from 'ava';
import { givenPartition } from '../../../planner/index.ts';

const block = (flops: number) => ({
  name: `block of ${flops}`,
  forwardFlops: flops,
  backwardFlops: 0,
  parameterBytes: 1e6,
  optimizerBytes: 0,
  stashBytesPerMicroBatch: 0,
  workspaceBytes: 0,
  outputBytes: 4,
});
const board = (id: string, memoryBytes = 1e9) => ({ id, flopsPerSecond: 1, memoryBytes });

const request = { blocks: [1, 2, 3, 4].map(block), boards: [board('a'), board('b')], microBatches: 2 };

test('a split that is asked for is kept, however uneven', (t) => {
  const { stages } = givenPartition(request, [1, 4]);
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

for (const ends of [[4], [2, 2], [0, 4], [3, 2], [1, 3], [1, 5], [1.5, 4]]) {
  test(`a split that ends at ${ends} does not share four blocks among two boards`, (t) => {
    t.throws(() => givenPartition(request, ends), { code: 'PARTITION_INPUT' });
  });
}

test('a split that does not fit names the board that is full', (t) => {
  const boards = [board('a'), board('b', 1e6)];
  t.throws(() => givenPartition({ ...request, boards }, [1, 4]), { code: 'PARTITION_MEMORY', message: /'b'/ });
});
