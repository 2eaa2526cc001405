import test from 'ava';
import { runCosts } from '../../planner/costs.ts';
import { aBlock } from './examples.ts';

test('a run adds its blocks, takes the largest scratch, and knows the tensors at its two ends', (t) => {
  const blocks = [1, 2, 3, 4].map((n) =>
    aBlock({
      forwardFlops: n,
      backwardFlops: 2 * n,
      parameterBytes: 10 * n,
      optimizerBytes: 20 * n,
      stashBytesPerMicroBatch: 30 * n,
      workspaceBytes: [5, 9, 7, 1][n - 1]!,
      outputBytes: 100 * n,
    }),
  );
  const costs = runCosts(blocks);
  t.deepEqual(costs(1, 3), {
    flops: 15,
    parameterBytes: 50,
    optimizerBytes: 100,
    stashBytesPerMicroBatch: 150,
    workspaceBytes: 9,
    inputBytes: 100,
    outputBytes: 300,
  });
  t.is(costs(2, 4).workspaceBytes, 7);
  t.is(costs(0, 4).inputBytes, 0);
  t.is(costs(0, 4).outputBytes, 0);
});
